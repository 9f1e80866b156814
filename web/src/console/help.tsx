// All keys, on one card beside the program; it never covers the monitors.
import { Button } from "../lib/ui/button";
import { helping } from "./desk";
import { words } from "./words";

export function Help() {
  const w = words.value;
  if (!helping.value) return null;
  const rows: [string[], string][] = [
    [["1", "…", "9"], w.key_sites],
    [["Shift", "1", "…", "9"], w.key_add],
    [[w.space], w.key_take],
    [["M"], w.key_mix],
    [["U"], w.key_undo],
    [["A"], w.key_auto],
    [["S", "S"], w.key_slate],
    [["Q", "W", "E", "R"], w.key_layout],
    [["T"], w.key_strip],
    [["L"], w.key_listen],
    [["H"], w.key_help],
    [["Esc"], w.key_escape],
  ];
  return (
    <section class="help" aria-label={w.help}>
      <h2>{w.help}</h2>
      <dl>
        {rows.map(([keys, text]) => (
          <div key={text}><dt>{keys.map((key, n) => (key === "…" ? <span key={n}>…</span> : <kbd key={n}>{key}</kbd>))}</dt><dd>{text}</dd></div>
        ))}
        <div><dt>{w.click}</dt><dd>{w.clickHint}</dd></div>
      </dl>
      <Button size="small" onClick={() => (helping.value = false)}>{w.closeHelp}</Button>
    </section>
  );
}
