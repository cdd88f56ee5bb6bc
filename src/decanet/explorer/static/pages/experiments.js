// Page "experiments": every claim with its intervals and its verdict.

import { h, put, s, shown } from "../lib/dom.js";
import { ask } from "../lib/backend.js";
import { currentLanguage, t } from "../lib/texts.js";

export const name = "experiments";
export const needs = ["experiments/measured"];

/** Open the page. */
export function open(main) {
  const list = h("div", { class: "claims", role: "group", "aria-label": t("experiments.claims") });
  const place = h("section", { class: "card", "aria-live": "polite" });
  main.append(h("div", { class: "columns experiments" }, list, place));
  ask("experiments/measured").then(({ experiments }) => {
    const done = experiments.filter((each) => each.compared.length);
    const buttons = [...done, ...experiments.filter((each) => !each.compared.length)].map((experiment) => {
      const texts = experiment.texts[currentLanguage()];
      const button = h("button", { type: "button", "aria-pressed": "false", class: experiment.compared.length ? "done" : "waiting", onclick: () => choose(experiment, button) },
        h("b", {}, `${experiment.number}. ${texts.title}`), h("small", {}, texts.verdicts));
      return button;
    });
    function choose(experiment, button) {
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      put(place, about(experiment));
    }
    put(list, buttons);
    buttons[0].click();
  });
}

function about(experiment) {
  const texts = experiment.texts[currentLanguage()];
  return [
    h("h2", {}, `${experiment.number}. ${texts.title}`),
    texts.statements.map(([heading, text]) => h("p", {}, h("b", {}, `${heading}  `), text)),
    experiment.compared.length ? [h("h3", {}, t("experiments.intervals")), intervals(experiment, texts), h("p", { class: "quiet" }, t("experiments.legend"))] : h("p", { class: "quiet" }, experiment.reuses.length ? t("experiments.reuses", { names: experiment.reuses.join(", ") }) : t("experiments.waiting")),
    texts.arms ? [h("h3", {}, t("experiments.arms")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("experiments.arms") }, table(texts.arms))] : null,
    texts.remarks.map((remark) => h("p", { class: "quiet" }, remark)),
    h("p", {}, t("experiments.rerun"), " ", h("code", {}, experiment.rerun)),
  ];
}

function table([header, rows]) {
  return h("table", { class: "data" }, h("thead", {}, h("tr", {}, header.map((cell) => h("th", { scope: "col" }, cell)))),
    h("tbody", {}, rows.map(([first, ...cells]) => h("tr", {}, h("th", { scope: "row" }, first), cells.map((cell) => h("td", {}, cell))))));
}

/** The intervals, one row for each comparison; the band is the margin within which a difference does not matter. */
function intervals(experiment, texts) {
  return h("div", { class: "intervals" }, experiment.compared.map((each, i) => {
    const { quantity, verdict } = texts.compared[i];
    const title = h("p", {}, h("b", {}, `${each.arm} − ${each.against}`), h("span", { class: "quiet" }, `  ${quantity}`));
    const marked = h("span", { class: `verdict ${each.verdict}` }, verdict);
    const stated = each.stated ? h("span", { class: "quiet" }, t("experiments.stated", { stated: each.stated })) : null;
    const drawn = each.difference ? interval(each, experiment) : h("p", {}, each.ratio === null ? t("experiments.censored") : t("experiments.ratio", { ratio: shown(each.ratio, 3) }));
    return h("div", { class: "interval" }, title, drawn, h("p", {}, marked, " ", stated));
  }));
}

function interval({ difference, margin, expected, arm, against }, experiment) {
  const all = experiment.compared.filter((each) => each.difference).flatMap((each) => [each.difference.low, each.difference.high, each.margin, -each.margin]);
  const [low, high] = [Math.min(...all, 0), Math.max(...all, 0)];
  const room = (high - low) * 0.12 || 1;
  const [width, height] = [560, 54];
  const at = (value) => ((value - low + room) / (high - low + 2 * room)) * width;
  const text = `${shown(difference.mean, 3)} (${shown(difference.low, 3)} – ${shown(difference.high, 3)})`;
  return s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${arm} − ${against}: ${text}` },
    s("rect", { class: "margin", x: at(-margin), y: 4, width: at(margin) - at(-margin), height: 30 }),
    s("line", { class: "zero", x1: at(0), x2: at(0), y1: 2, y2: 38 }),
    expected === "equal" ? null : s("text", { class: "label", x: expected === "lower" ? 2 : width - 2, y: 12, "text-anchor": expected === "lower" ? "start" : "end" },
      expected === "lower" ? `← ${t("experiments.claimed")}` : `${t("experiments.claimed")} →`),
    s("line", { class: "range", x1: at(difference.low), x2: at(difference.high), y1: 19, y2: 19 }),
    s("circle", { class: "mean", cx: at(difference.mean), cy: 19, r: 6 }),
    s("text", { x: Math.min(width - 80, Math.max(80, at(difference.mean))), y: 50, "text-anchor": "middle" }, text));
}
