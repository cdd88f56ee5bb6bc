// The frame of all pages: navigation, language, and one page at a time.

import { h, put } from "./lib/dom.js";
import { currentLanguage, setLanguage, startTexts, t } from "./lib/texts.js";
import { beginPage, canAsk, isSnapshot } from "./lib/backend.js";
import { PAGES } from "./pages/index.js";

let leave = null;

function pageInAddress() {
  const name = /#(?:.*&)?\/(\w+)/.exec(location.hash)?.[1];
  return available().find((page) => page.name === name) ?? available().find((page) => page.name === "network");
}

function available() {
  return PAGES.filter((page) => !isSnapshot() || page.needs.every(canAsk));
}

function show() {
  const page = pageInAddress();
  const isAlone = /#(?:.*&)?only&/.test(location.hash); // within a chapter of the course
  document.documentElement.lang = currentLanguage() === "zh" ? "zh-Hans" : "en";
  document.title = `${t(`${page.name}.title`)} · decanet`;
  leave?.();
  const links = available().map((each) =>
    h("a", { href: `#/${each.name}`, "aria-current": each === page ? "page" : null }, t(`${each.name}.name`)),
  );
  const other = currentLanguage() === "en" ? "zh" : "en";
  const language = h("button", {
    type: "button", class: "language", lang: other === "zh" ? "zh-Hans" : "en",
    onclick: () => { setLanguage(other); show(); },
  }, other === "zh" ? "中文" : "English");
  const content = h("main", { id: "content", tabindex: "-1" });
  put(
    document.body,
    isAlone ? null : h("a", { class: "skip", href: "#content", onclick: (event) => { event.preventDefault(); content.focus(); } }, t("frame.skip")),
    isAlone ? null : h("header", {},
      h("p", { class: "brand" }, "deca", h("b", {}, "net"), h("span", {}, t("frame.explorer"))),
      h("nav", { "aria-label": t("frame.pages") }, links),
      language,
    ),
    content,
    h("p", { id: "trouble", role: "alert" }),
  );
  content.append(h("h1", { class: isAlone ? "hidden" : null }, t(`${page.name}.title`)));
  if (!isAlone) content.append(h("p", { class: "lead" }, t(`${page.name}.lead`)));
  beginPage();
  leave = page.open(content) ?? null;
}

/** Begin. The texts and the first language are given in a snapshot, and the texts are fetched from the server otherwise. */
export async function start(texts, language) {
  startTexts(texts ?? (await (await fetch("/texts.json")).json()), language);
  addEventListener("hashchange", show);
  addEventListener("unhandledrejection", (event) => report(event.reason));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

function report(reason) {
  const place = document.getElementById("trouble");
  if (place) place.textContent = String(reason?.message ?? reason);
}

if (!("DECANET_SNAPSHOT" in globalThis)) start();
