// Texts of the pages in every language; the catalogs are the server's.

let catalogs = {};
let language = "en";

/** Take the catalogs, and the language that was chosen before, in the address, or in the browser. */
export function startTexts(given, first) {
  catalogs = given;
  const asked = /lang=(\w+)/.exec(location.hash)?.[1] ?? remembered() ?? first ?? navigator.language.slice(0, 2);
  language = asked in catalogs ? asked : "en";
}

function remembered() {
  try {
    return localStorage.getItem("decanet-language");
  } catch {
    return null; // pages from the disk may have no storage
  }
}

/** The language of the page. */
export function currentLanguage() {
  return language;
}

/** Change the language. */
export function setLanguage(next) {
  language = next;
  try {
    localStorage.setItem("decanet-language", next);
  } catch {
    // the choice lasts as long as the page
  }
}

/** The text of a key with values filled in. */
export function t(key, values = {}) {
  const text = catalogs[language]?.[key];
  if (text === undefined) throw new Error(`there is no text ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
