// Page "versus": you against the network, thirty test images of CIFAR-10, a second each.

import { h, labeled, put } from "../lib/dom.js";
import { canvasOf, cellColors, paintPixels } from "../lib/colors.js";
import { ask } from "../lib/backend.js";
import { networkChoice } from "../lib/images.js";
import { t } from "../lib/texts.js";

export const name = "versus";
export const needs = ["versus/images"];

const SHOWN = 1000; // milliseconds for which an image is shown
const KEYS = "1234567890";

/** Open the page. */
export function open(main) {
  const state = { reference: null, round: Math.floor(Math.random() * 1e6), images: null, answers: [], timer: null };
  const places = { network: h("div"), game: h("section", { class: "card versus", "aria-live": "polite" }) };
  main.append(h("div", { class: "row" }, places.network), places.game);
  ask("network/networks").then((networks) => {
    const trained = { ...networks, offered: networks.offered.filter((each) => each.group !== "untrained") };
    state.reference = networks.first;
    put(places.network, labeled(t("images.network"), networkChoice(trained, networks.first, (reference) => { state.reference = reference; begin(); })));
    begin();
  });

  async function begin() {
    clearTimeout(state.timer);
    const images = await ask("versus/images", { network: state.reference, round: state.round });
    if (!images) return;
    Object.assign(state, { images, answers: [] });
    if (images.pixels === null) put(places.game, h("p", {}, t("versus.missing")), h("code", {}, "decanet data fetch --name cifar10"));
    else put(places.game, h("p", {}, t("versus.how", { count: images.labels.length })), button(t("versus.start"), next));
  }

  function button(text, onclick) {
    return h("button", { type: "button", class: "primary", onclick }, text);
  }

  function image(index, label) {
    const [, height, width] = state.images.pixels.shape;
    const size = height * width * 3;
    const canvas = canvasOf(paintPixels(state.images.pixels.data.subarray(index * size, (index + 1) * size), height, width));
    canvas.className = "pixelated";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    return canvas;
  }

  /** Show the next image for a second, and ask for its class. */
  function next() {
    const { images, answers } = state;
    if (answers.length === images.labels.length) return results();
    const canvas = image(answers.length, t("versus.image"));
    state.timer = setTimeout(() => { canvas.style.opacity = 0; }, SHOWN);
    const choices = images.classes.map((title, k) => h("button", { type: "button", onclick: () => answer(k) }, h("kbd", {}, KEYS[k]), " ", title));
    return put(places.game, h("h2", {}, t("versus.which", { number: answers.length + 1, count: images.labels.length })), canvas, h("div", { class: "choices" }, choices));
  }

  function answer(k) {
    clearTimeout(state.timer);
    state.answers.push(k);
    next();
  }

  function onKey(event) {
    const k = KEYS.indexOf(event.key);
    if (k >= 0 && places.game.querySelector(".choices")) answer(k);
  }
  addEventListener("keydown", onKey);

  function results() {
    const { classes, labels, predicted, confidence } = state.images;
    const score = (given) => given.filter((k, i) => k === labels[i]).length;
    const differing = labels.map((_, i) => i).filter((i) => state.answers[i] !== predicted[i]);
    put(places.game,
      h("h2", {}, t("versus.score", { yours: score(state.answers), network: score(predicted), count: labels.length })),
      h("p", { class: "quiet" }, t("versus.caution", { count: labels.length })),
      h("div", { class: "columns two-matrices" },
        matrix(t("versus.yours"), state.answers), matrix(t("versus.networks"), predicted)),
      h("h2", {}, t("versus.differing", { count: differing.length })),
      h("div", { class: "differing" }, differing.map((i) => {
        const text = t("versus.told", { yours: classes[state.answers[i]], network: classes[predicted[i]], percent: Math.round(100 * confidence[i]), label: classes[labels[i]] });
        return h("figure", {}, image(i, text), h("figcaption", {}, text));
      })),
      button(t("versus.again"), () => { state.round += 1; begin(); }));
  }

  /** The confusion matrix of given answers: rows are true classes, columns answers. */
  function matrix(title, given) {
    const { classes, labels } = state.images;
    const counts = classes.map((_, truth) => classes.map((__, told) => labels.filter((label, i) => label === truth && given[i] === told).length));
    const most = Math.max(1, ...counts.flat());
    const cell = (count, truth, told) => {
      const td = h("td", {}, count || "");
      if (count) [td.style.background, td.style.color] = cellColors((truth === told ? -1 : 1) * (count / most));
      return td;
    };
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, h("table", { class: "numbers confusion" }, h("caption", {}, title),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("versus.true")), classes.map((each) => h("th", { scope: "col" }, each.slice(0, 4))))),
      h("tbody", {}, counts.map((row, truth) => h("tr", {}, h("th", { scope: "row" }, classes[truth]), row.map((count, told) => cell(count, truth, told)))))));
  }

  return () => {
    clearTimeout(state.timer);
    removeEventListener("keydown", onKey);
  };
}
