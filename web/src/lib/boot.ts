// What the server wrote into the page (docs/protocol.md, "Boot data").

export type Language = "zh" | "en";
export type Text = Record<Language, string>;

export interface Consultation {
  id: string;
  title: Text;
}

export interface BootBase {
  language: Language;
  languages: Language[];
  version: string;
  consultation: Consultation;
}

export interface JoinBoot extends BootBase {
  page: "join";
  token: string;
  site: { id: string; name: Text | string; city: Text | string };
}
export interface ConsoleBoot extends BootBase {
  page: "console";
  user: string;
}
export interface WatchBoot extends BootBase {
  page: "watch";
  hls: string;
}
export interface ReviewBoot extends BootBase {
  page: "review";
  user: string;
}
export interface HomeBoot extends BootBase {
  page: "home";
}
export interface SignInBoot extends BootBase {
  page: "sign-in";
  message?: { code: string; title: Text; text: Text };
}
export interface MessageBoot extends BootBase {
  page: "message";
  message: { code: string; title: Text; text: Text };
}
export type Boot =
  | JoinBoot | ConsoleBoot | WatchBoot | ReviewBoot | HomeBoot | SignInBoot | MessageBoot;

function read(): Boot {
  const element = document.getElementById("boot");
  if (!element?.textContent) throw new Error("the page has no boot data");
  return JSON.parse(element.textContent) as Boot;
}

export const boot: Boot = read();

/** The boot data of one page; a page that got another's is a defect of its shell. */
export function bootOf<P extends Boot["page"]>(page: P): Extract<Boot, { page: P }> {
  if (boot.page !== page) throw new Error(`boot data of ${boot.page} on page ${page}`);
  return boot as Extract<Boot, { page: P }>;
}
