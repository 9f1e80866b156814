// The sign-in form is the server's; this shows the password on request and says that it is busy.
import { addFrame } from "./home/shell";
import { dictionary } from "./lib/i18n";
import "../styles/base.css";
import "../styles/pages.css";
import "../styles/sign-in.css";

const words = dictionary(
  { show: "显示密码", hide: "隐藏密码", busy: "正在登录……", capitals: "大写锁定已打开" },
  { show: "Show password", hide: "Hide password", busy: "Signing in…", capitals: "Caps Lock is on" },
);

function addShow(password: HTMLInputElement): void {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show-password";
  const name = () => (button.textContent = password.type === "password" ? words.value.show : words.value.hide);
  button.addEventListener("click", () => {
    password.type = password.type === "password" ? "text" : "password";
    name();
    password.focus();
  });
  name();
  password.closest("label")?.after(button);
}

function addCapitals(password: HTMLInputElement): void {
  const note = document.createElement("p");
  note.className = "capitals";
  note.setAttribute("role", "status");
  password.closest("label")?.after(note);
  const look = (event: KeyboardEvent) => {
    note.textContent = event.getModifierState?.("CapsLock") ? words.value.capitals : "";
  };
  password.addEventListener("keydown", look);
  password.addEventListener("keyup", look);
}

function sayBusy(form: HTMLFormElement): void {
  const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
  const calm = button?.textContent ?? "";
  const set = (busy: boolean) => {
    if (!button) return;
    button.disabled = busy;
    button.textContent = busy ? words.value.busy : calm;
  };
  form.addEventListener("submit", () => setTimeout(() => set(true)));
  addEventListener("pageshow", () => set(false)); // back from the page that followed
}

addFrame();
const form = document.querySelector<HTMLFormElement>("main.sign-in form");
const password = form?.querySelector<HTMLInputElement>("input[type=password]");
if (form) sayBusy(form);
if (password) {
  addShow(password);
  addCapitals(password);
}
