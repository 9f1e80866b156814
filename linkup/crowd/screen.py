"""What the demo shows in a terminal: addresses, QR codes, a line of state, the summary."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import segno
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text


class Screen:
    """`quiet`: no QR codes and no live line, so that JSON can follow."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(highlight=False, soft_wrap=True)
        self._live: Live | None = None

    def addresses(
        self, *, console: str, viewer: str, review: str, links: dict[str, str],
        names: dict[str, str],
    ) -> None:  # fmt: skip
        """Where to look; printed as soon as the server answers."""
        show = self._console.print
        show("\n[bold]linkup is running.[/bold]")
        show("\n[bold]Join as a site[/bold] (a browser takes the place of the simulated one):\n")
        for site, url in links.items():
            show(f"[bold green]{escape(names.get(site) or site)}[/bold green]  {escape(url)}")
            if not self._quiet:
                self._qr(url)
        # Last, so that they are on the screen when the codes have scrolled by.
        show("\nOpen these in a browser:\n")
        for label, url in (("Console", console), ("Viewer", viewer), ("Review", review)):
            show(f"[bold cyan]{label:<9}[/bold cyan] {escape(url)}", soft_wrap=True)
        show()

    def _qr(self, url: str) -> None:
        text = io.StringIO()
        segno.make(url, error="l").terminal(out=text, compact=True, border=2)
        self._console.file.write(text.getvalue() + "\n")

    def joined(self, joined: int, wanted: int) -> None:
        """All that will join have joined."""
        self._console.print(f"{joined} of {wanted} sites joined.")
        if not self._quiet and self._console.is_terminal:
            self._console.print("Ctrl-C ends the demo.")
            self._live = Live(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()

    def state(self, state: dict[str, Any], metrics: dict[str, float]) -> None:
        """The live line."""
        if self._live is None or not state:
            return
        on_air = state.get("on_air") or {}
        frames = int(metrics.get("linkup_program_frames_total", 0))
        missed = int(metrics.get("linkup_program_missed_total", 0))
        segments = int(metrics.get("linkup_program_hls_segments_total", 0))
        megabytes = metrics.get("linkup_record_bytes", 0) / 1e6
        line = Text.assemble(
            (" ON AIR ", "bold white on red"),
            f" {on_air.get('layout')}: {', '.join(on_air.get('sites') or [])}",
            f"  ·  frames {frames} missed {missed}  ·  HLS {segments}",
            f"  ·  recorded {megabytes:.1f} MB  ·  viewers {state.get('viewers', 0)}",
        )
        self._live.update(line)

    def handed_over(self, user: str) -> None:
        """A person switches now."""
        self._console.print(f"{escape(user)} has the console now; the demo's operator steps back.")

    def stopping(self) -> None:
        """The end begins."""
        self._end_live()
        self._console.print("Stopping: files are being finished …")

    def verifying(self, files: int) -> None:
        """The recordings are decoded."""
        self._end_live()
        self._console.print(f"Decoding {files} recordings to their ends …")

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def end(self, result: dict[str, Any], log: Path) -> None:
        """The summary."""
        self._end_live()
        table = Table(show_header=False, box=None, padding=(0, 2))
        for label, value in (
            ("Sites joined", f"{result['sites_joined']} of {result['sites']}"),
            ("Packets received by sites", f"{result['packets_received']}"),
            ("Packets lost", f"{result['packets_lost']}"),
            ("Program frames made", f"{result['program_frames']}"),
            ("Program frames missed", f"{result['program_frames_missed']}"),
            ("HLS segments", f"{result['hls_segments']}"),
            ("Takes", f"{result['takes']}"),
            ("Recorded", f"{result['recorded_bytes'] / 1e6:.1f} MB"),
            ("Recordings verified", f"{result['recordings_verified']} of {result['recordings']}"),
        ):
            table.add_row(label, value)
        self._console.print(table)
        for problem in result["problems"]:
            self._console.print(f"[red]✗ {escape(problem)}[/red]")
        if result["ok"]:
            self._console.print("[green]✓ All is well.[/green]")
        else:
            self._console.print(f"What the server said: {escape(str(log))}")
