// Page "units": unit by unit, the images that activate it most, and an image made for it.

import { choice, h, labeled, put, shown } from "../lib/dom.js";
import { canvasOf, paintPixels } from "../lib/colors.js";
import { ask } from "../lib/backend.js";
import { networkChoice } from "../lib/images.js";
import { t } from "../lib/texts.js";

export const name = "units";
export const needs = ["units/stages"];

const OFTEN = 400; // milliseconds between two questions
const SHOWN = 24; // units on the page

/** Open the page. */
export function open(main) {
  const state = { reference: null, stage: null, first: 0, closed: false, stages: [], searched: false };
  const places = { network: h("div"), stage: h("div"), pages: h("div", { class: "row" }), units: h("div", { class: "units" }), status: h("p", { class: "quiet", "aria-live": "polite" }) };
  main.append(h("div", { class: "row" }, places.network, places.stage, places.pages), places.status, places.units);
  ask("network/networks").then((networks) => {
    const trained = { ...networks, offered: networks.offered.filter((each) => each.group !== "untrained" || each.reference === networks.first) };
    state.reference = networks.first;
    put(places.network, labeled(t("images.network"), networkChoice(trained, networks.first, (reference) => { state.reference = reference; load(); })));
    load();
  });

  async function load() {
    const answer = await ask("units/stages", { network: state.reference });
    if (!answer) return;
    Object.assign(state, answer, { first: 0, stage: answer.stages[Math.min(1, answer.stages.length - 1)].name });
    put(places.stage, labeled(t("units.stage"), choice(answer.stages.map((each) => [each.name, `${each.name} (${each.units})`]), state.stage, (stage) => { state.stage = stage; state.first = 0; show(); })));
    show();
  }

  /** Ask until the answer is there; null when the page shows something else by then. */
  async function wait(name, question, progress) {
    const wanted = JSON.stringify([state.reference, state.stage, state.first]);
    for (;;) {
      const found = await ask(name, question);
      if (state.closed || wanted !== JSON.stringify([state.reference, state.stage, state.first])) return null;
      if (found && "answer" in found) return found.answer;
      if (found) progress(found.progress);
      await new Promise((resolve) => setTimeout(resolve, OFTEN));
    }
  }

  async function show() {
    const stage = state.stages.find((each) => each.name === state.stage);
    const turn = (by) => h("button", { type: "button", disabled: state.first + by < 0 || state.first + by >= stage.units, onclick: () => { state.first += by; show(); } }, by < 0 ? "←" : "→");
    const [before, after] = [turn(-SHOWN), turn(SHOWN)];
    before.setAttribute("aria-label", t("units.before"));
    after.setAttribute("aria-label", t("units.after"));
    put(places.pages, before, h("span", {}, t("units.range", { from: state.first, to: Math.min(stage.units, state.first + SHOWN) - 1, all: stage.units })), after);
    const numbers = Array.from({ length: Math.min(SHOWN, stage.units - state.first) }, (_, i) => state.first + i);
    const cards = new Map(numbers.map((unit) => [unit, card(unit)]));
    put(places.units, [...cards.values()].map((each) => each.element));
    places.status.textContent = state.searched ? t("units.searching", { percent: 0 }) : t("units.not_searched");
    if (!state.searched) return;
    const answer = await wait("units/best", { network: state.reference, stage: state.stage, first: state.first }, (part) => { places.status.textContent = t("units.searching", { percent: Math.round(100 * part) }); });
    if (!answer) return;
    places.status.textContent = t("units.found");
    for (const { unit, crops } of answer.units) cards.get(unit).showCrops(crops);
  }

  function card(unit) {
    const [crops, made] = [h("div", { class: "crops" }), h("div", { class: "made" })];
    const make = h("button", { type: "button", onclick: async () => {
      make.disabled = true;
      const answer = await wait("units/made", { network: state.reference, stage: state.stage, unit }, (part) => { make.textContent = `${Math.round(100 * part)}%`; });
      if (!answer) return;
      put(made, image(answer.pixels, t("units.made", { unit })), h("small", {}, shown(answer.activation, 3)));
      make.remove();
    } }, t("units.make"));
    const element = h("section", { class: "card unit" }, h("h2", {}, t("units.unit", { unit })), crops, made, make);
    return { element, showCrops: (found) => put(crops, found.map((each) => h("figure", {}, image(each.pixels, t("units.crop", { unit })), h("figcaption", {}, shown(each.activation, 3))))) };
  }

  return () => { state.closed = true; };
}

function image({ shape: [height, width], data }, label) {
  const canvas = canvasOf(paintPixels(data, height, width));
  canvas.className = "pixelated";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  return canvas;
}
