import { boot, type Language } from "../boot";
import { language, speak } from "../i18n";

const names: Record<Language, string> = { zh: "中文", en: "English" };

/** Changes the page's language in place; hidden where there is only one. */
export function LanguageSwitch() {
  if (boot.languages.length < 2) return null;
  return (
    <div class="languages" role="group" aria-label="语言 Language">
      {boot.languages.map((each) => (
        <button type="button" key={each} lang={each} aria-pressed={language.value === each} onClick={() => speak(each)}>
          {names[each]}
        </button>
      ))}
    </div>
  );
}
