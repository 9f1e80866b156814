// A screen that goes dark takes its site out of the session.

/** Keep the screen on while the page is seen; returns how to stop. Does nothing where it cannot. */
export function keepAwake(): () => void {
  if (!("wakeLock" in navigator)) return () => undefined;
  let lock: WakeLockSentinel | null = null;
  let wanted = true;
  const ask = async () => {
    if (!wanted || document.visibilityState !== "visible") return;
    lock = await navigator.wakeLock.request("screen").catch(() => null); // battery saver says no
  };
  document.addEventListener("visibilitychange", ask);
  void ask();
  return () => {
    wanted = false;
    document.removeEventListener("visibilitychange", ask);
    void lock?.release();
  };
}
