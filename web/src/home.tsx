// The first page: what is on, where to watch it, and for those signed in, where to work.
import { ArrowRight, CircleDashed, Link2, LogIn, LogOut, MonitorPlay, ScrollText, SlidersHorizontal, Video } from "lucide";
import { useEffect } from "preact/hooks";
import { bootOf } from "./lib/boot";
import { say } from "./lib/i18n";
import { chosenTheme, mount } from "./lib/page";
import { Icon } from "./lib/ui/icon";
import { words } from "./home/words";
import { Frame, startTheme } from "./watch/frame";
import "../styles/base.css";
import "../styles/pages.css";
import "../styles/home.css";

/** What the server says beyond the boot data that every page has. */
interface HomeData { user?: string | null; role?: string | null; live?: boolean; watch?: string; review?: string }

const boot = bootOf("home");
const data = boot as unknown as HomeData;
const watch = data.watch ?? `/watch/${boot.consultation.id}`;
const review = data.review ?? `/review/${boot.consultation.id}`;
const OLD_MS = 60_000;

function Home() {
  useFreshness();
  const w = words.value;
  const signedIn = !!data.user;
  return (
    <Frame tools={signedIn && <SignOut />}>
      <div class="front">
        <section class="now">
          <p>{data.live
            ? <span class="badge live"><Icon of={Video} />{w.live}</span>
            : <span class="badge"><Icon of={CircleDashed} />{w.notLive}</span>}</p>
          <h1>{say(boot.consultation.title)}</h1>
          <p class="quiet">{data.live ? w.liveText : w.notLiveText}</p>
          <p><a class="button main large" href={watch}><Icon of={MonitorPlay} /><span>{w.watch}</span></a></p>
        </section>
        <section aria-labelledby="work">
          <h2 id="work">{w.work}</h2>
          <ul class="doors">
            <li class="card">
              <h3><Icon of={Link2} />{w.site}</h3>
              <p>{w.siteText}</p>
            </li>
            {data.role !== "reviewer" && <Door icon={SlidersHorizontal} title={w.console} text={w.consoleText} href="/console" signedIn={signedIn} />}
            <Door icon={ScrollText} title={w.review} text={w.reviewText} href={review} signedIn={signedIn} />
          </ul>
        </section>
      </div>
    </Frame>
  );
}

interface DoorProps { icon: typeof Video; title: string; text: string; href: string; signedIn: boolean }

function Door({ icon, title, text, href, signedIn }: DoorProps) {
  const w = words.value;
  const target = signedIn ? href : `/sign-in?next=${encodeURIComponent(href)}`;
  return (
    <li class="card">
      <h3><Icon of={icon} />{title}</h3>
      <p>{text}</p>
      <p><a href={target} class="with-icon"><Icon of={signedIn ? ArrowRight : LogIn} />{signedIn ? w.open : w.signIn}<span class="only-read"> {title}</span></a></p>
    </li>
  );
}

function SignOut() {
  return (
    <form method="post" action="/sign-out" class="sign-out">
      <span class="quiet">{data.user}</span>
      <button type="submit" class="button small plain"><Icon of={LogOut} /><span>{words.value.signOut}</span></button>
    </form>
  );
}

/** Someone who comes back to this page after a while sees what is on now. */
function useFreshness(): void {
  useEffect(() => {
    let left = Date.now();
    const changed = () => {
      if (document.hidden) left = Date.now();
      else if (Date.now() - left > OLD_MS) location.reload();
    };
    document.addEventListener("visibilitychange", changed);
    return () => document.removeEventListener("visibilitychange", changed);
  }, []);
}

mount(<Home />, chosenTheme(), () => words.value.page);
startTheme();
