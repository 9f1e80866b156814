import { Button } from "../lib/ui/button";
import { words } from "./words";

export function SignedOut() {
  const w = words.value;
  return (
    <main class="signed-out">
      <h1>{w.signedOut}</h1>
      <p>{w.signedOutText}</p>
      <Button kind="main" size="large" onClick={() => location.assign("/sign-in?next=/console")}>{w.signIn}</Button>
    </main>
  );
}
