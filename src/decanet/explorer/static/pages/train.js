// Page "train": one or two trainings, watched while they run.

import { h, labeled, put, s, shown } from "../lib/dom.js";
import { canvasOf, paintPixels } from "../lib/colors.js";
import { ask } from "../lib/backend.js";
import { t } from "../lib/texts.js";

export const name = "train";
export const needs = ["train/offers"];

const OFTEN = 500; // milliseconds between two questions
const SOON = 40; // the same, while what was told to a training has not happened yet
const BEFORE = { paused: "training", training: "paused" }; // the state that another one is awaited in
const TO_THE_END = ["finished", "stopped", "failed"];

/** Open the page. */
export function open(main) {
  const closing = [];
  const runs = h("div", { class: "columns trainings" });
  const controls = h("div", { class: "row" });
  main.append(controls, runs);
  ask("train/offers").then(({ recipes, arms, trainings }) => {
    const select = h("select", {},
      h("optgroup", { label: t("train.recipes") }, recipes.map((what) => h("option", { value: what, selected: what === "flash" }, what))),
      [...new Set(arms.map((arm) => arm.experiment))].map((experiment) => h("optgroup", { label: t("train.experiment", { name: experiment }) },
        arms.filter((arm) => arm.experiment === experiment).map(({ what }) => h("option", { value: what }, what)))));
    const begin = h("button", { type: "button", class: "primary", onclick: async () => {
      const { id } = await ask("train/start", { what: select.value });
      show(id);
    } }, t("train.start"));
    put(controls, labeled(t("train.what"), select), begin);
    trainings.forEach(({ id }) => show(id));
  });

  function show(id) {
    const card = trainingCard(id, () => card.element.remove());
    runs.append(card.element);
    closing.push(card.close);
    while (runs.children.length > 2) runs.firstChild.remove();
  }

  return () => closing.forEach((close) => close());
}

function trainingCard(id, remove) {
  const state = { lines: [], look: -1, images: null, timer: null, awaited: null, closed: false };
  const title = h("h2", {}, "…");
  const status = h("p", { "aria-live": "polite", class: "status" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("train.progress") });
  const pause = h("button", { type: "button", onclick: () => control(pause.dataset.action) }, t("train.pause"));
  const stop = h("button", { type: "button", onclick: () => control("stop") }, t("train.stop"));
  const close = h("button", { type: "button", hidden: true, onclick: () => { end(); remove(); } }, t("train.close"));
  const places = { curves: h("div", { class: "two" }), filters: h("div"), images: h("div", { class: "predicted" }), active: h("div") };
  pause.dataset.action = "pause";
  const element = h("section", { class: "card training" }, title, status, bar, h("div", { class: "row" }, pause, stop, close), places.curves,
    h("h3", {}, t("train.images")), places.images, h("h3", {}, t("train.filters")), places.filters, h("h3", {}, t("train.active")), places.active);

  async function control(action) {
    state.awaited = { pause: "paused", continue: "training" }[action] ?? null;
    await ask("train/control", { id, action });
    look();
  }

  async function look() {
    clearTimeout(state.timer);
    if (state.closed) return;
    const answer = await ask("train/state", { id, since: state.lines.length, look: state.look });
    if (answer && !state.closed) show(answer);
    if (answer?.state !== BEFORE[state.awaited]) state.awaited = null;
    if (!answer || !TO_THE_END.includes(answer.state)) state.timer = setTimeout(look, state.awaited ? SOON : OFTEN);
  }

  function show(answer) {
    state.lines.push(...answer.lines);
    title.textContent = answer.what;
    const last = state.lines.at(-1);
    const isEnded = TO_THE_END.includes(answer.state);
    status.textContent = t(`train.state_${answer.state}`, {
      step: answer.step, total: answer.total_steps, seconds: answer.seconds.toFixed(0), expected: answer.expected ? answer.expected.toFixed(0) : "…",
      speed: last ? Math.round(last.images_per_second) : "…", accuracy: answer.accuracy ? (100 * answer.accuracy).toFixed(2) : "…", trouble: answer.trouble, run: answer.run });
    bar.value = answer.total_steps ? answer.step / answer.total_steps : 0;
    pause.dataset.action = answer.state === "paused" ? "continue" : "pause";
    pause.textContent = answer.state === "paused" ? t("train.continue") : t("train.pause");
    pause.disabled = stop.disabled = isEnded;
    close.hidden = !isEnded;
    if (answer.lines.length) {
      put(places.curves,
        curve(state.lines.map((line) => [line.epoch, line.loss]), { title: t("train.loss"), from: 0, last: shown(state.lines.at(-1).loss, 3) }),
        curve(state.lines.map((line) => [line.epoch, 100 * line.accuracy]), { title: t("train.accuracy"), from: 0, to: 100, last: `${(100 * state.lines.at(-1).accuracy).toFixed(1)}%` }));
    }
    if (answer.look) showLook(answer.look);
  }

  async function showLook(seen) {
    state.look = seen.step;
    put(places.filters, filterSheet(seen.filters));
    put(places.active, h("dl", { class: "bars" }, Object.entries(seen.active).map(([stage, part]) => {
      const fill = h("i");
      fill.style.width = `${100 * part}%`;
      return [h("dt", {}, stage), h("dd", { class: "bar" }, fill), h("dd", { class: "percent" }, `${(100 * part).toFixed(0)}%`)];
    })));
    state.images ??= await ask("train/images", { id });
    const { classes, labels, pixels } = state.images ?? {};
    if (!pixels) return;
    const [, side] = pixels.shape;
    const area = side * side * 3;
    put(places.images, labels.map((label, i) => {
      const row = seen.probabilities.data.subarray(i * classes.length, (i + 1) * classes.length);
      const best = row.reduce((most, value, k) => (value > row[most] ? k : most), 0);
      const isRight = best === label;
      return h("figure", { class: isRight ? "right" : "wrong" }, canvasOf(paintPixels(pixels.data.subarray(i * area, (i + 1) * area), side, side)),
        h("figcaption", { title: t("train.label", { name: classes[label] }) }, `${isRight ? "✓" : "✗"} ${classes[best]} ${(100 * row[best]).toFixed(0)}%`));
    }));
  }

  function end() {
    state.closed = true;
    clearTimeout(state.timer);
  }

  look();
  return { element, close: end };
}

/** A small line chart. */
function curve(points, { title, from, to, last }) {
  const [width, height, left, bottom] = [320, 150, 34, 22];
  const high = to ?? Math.max(...points.map(([, y]) => y)) * 1.05;
  const far = Math.max(...points.map(([x]) => x), 1e-6);
  const at = ([x, y]) => [left + (x / far) * (width - left - 8), height - bottom - ((Math.min(y, high) - from) / (high - from)) * (height - bottom - 10)];
  return h("figure", { class: "curve" },
    s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${last}` },
      s("path", { class: "axis", d: `M${left} 8V${height - bottom}H${width - 4}`, fill: "none" }),
      [from, high].map((y) => s("text", { class: "label", x: left - 4, y: at([0, y])[1] + 4, "text-anchor": "end" }, shown(y, 2))),
      s("text", { class: "label", x: width - 4, y: height - 6, "text-anchor": "end" }, t("train.epochs", { epochs: shown(far, 3) })),
      s("polyline", { points: points.map((point) => at(point).map((v) => v.toFixed(1)).join(",")).join(" "), fill: "none", stroke: "var(--accent)", "stroke-width": 2 })),
    h("figcaption", {}, `${title}: ${last}`));
}

/** The filters of the first layer in color, where they have three channels. */
function filterSheet({ shape: [count, channels, high, wide], data }) {
  const shownCount = Math.min(count, 64);
  const cell = 36;
  const columns = 16;
  const canvas = h("canvas", { class: "pixelated", width: columns * cell, height: Math.ceil(shownCount / columns) * cell, role: "img", "aria-label": t("train.filters") });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  if (high * wide < 4) return h("p", { class: "quiet" }, t("train.no_filters"));
  for (let k = 0; k < shownCount; k++) {
    const own = data.subarray(k * channels * high * wide, (k + 1) * channels * high * wide);
    const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
    const image = new ImageData(wide, high);
    for (let i = 0; i < high * wide; i++) {
      const color = [0, 1, 2].map((c) => 127.5 + (127.5 * own[(channels === 3 ? c : 0) * high * wide + i]) / largest);
      image.data.set([...color, 255], i * 4);
    }
    context.drawImage(canvasOf(image), (k % columns) * cell + 1, Math.floor(k / columns) * cell + 1, cell - 2, cell - 2);
  }
  return canvas;
}
