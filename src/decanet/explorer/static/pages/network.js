// Page "network": stages from left to right, the steps of a stage, its feature maps, and how each number came about.

import { h, labeled, perFrame, put, s, shapeText, short, shown } from "../lib/dom.js";
import { canvasOf, paintPixels } from "../lib/colors.js";
import { ask, canAsk, toBase64 } from "../lib/backend.js";
import { stepDiagram } from "../lib/diagram.js";
import { explainedChain } from "../lib/explained.js";
import { imageChoice, networkChoice, predictionBars } from "../lib/images.js";
import { largeMap, mapCanvas, mapGrid } from "../lib/maps.js";
import { frame } from "./convolve.js";
import { t } from "../lib/texts.js";

export const name = "network";
export const needs = ["network/networks", "network/run"];

/** Open the page. */
export function open(main) {
  const asked = new URLSearchParams(location.hash.split("?")[1] ?? "").get("network");
  const state = { reference: asked, pixels: null, run: null, stage: null, step: null, channel: 0, position: [0, 0] };
  const places = {
    network: h("div"), images: h("div"), bars: h("div"), facts: h("div"), line: h("div", { class: "line", role: "group", "aria-label": t("network.stages") }),
    steps: h("div", { class: "steps scroll", tabindex: "0", role: "region", "aria-label": t("network.steps") }),
    maps: h("div"), large: h("div"), image: h("div", { class: "stack" }), value: h("p", { "aria-live": "polite" }), chain: h("div"),
    mapsTitle: h("h2"), chainTitle: h("h2"), stageTitle: h("h2"),
  };
  main.append(
    h("div", { class: "columns network-top" },
      h("section", { class: "card" }, h("div", { class: "row" }, places.network, places.images), places.facts),
      h("section", { class: "card" }, h("h2", {}, t("network.predictions")), places.bars)),
    places.line,
    h("section", { class: "card" }, places.stageTitle, places.steps),
    h("div", { class: "columns network-bottom" },
      h("section", { class: "card" }, places.mapsTitle, h("p", { class: "quiet" }, t("network.maps_how")), places.maps),
      h("section", { class: "card" }, h("h2", {}, t("network.map")), h("div", { class: "two" }, places.large, places.image), places.value)),
    h("section", {}, places.chainTitle, places.chain),
  );

  let choiceOfImages = null;
  ask("network/networks").then((networks) => {
    const known = networks.offered.some((each) => each.reference === asked);
    state.reference = known ? asked : networks.first;
    if (networks.offered.length > 1) put(places.network, labeled(t("images.network"), networkChoice(networks, state.reference, (reference) => { state.reference = reference; load(); })));
    load();
  });

  async function load() {
    const answer = await ask("network/samples", { network: state.reference });
    if (!answer) return;
    state.stage = null;
    choiceOfImages?.close();
    choiceOfImages = imageChoice(answer.network, answer.samples, setImage);
    put(places.images, choiceOfImages.element);
    choiceOfImages.first();
  }

  async function setImage(pixels) {
    state.pixels = toBase64(pixels);
    state.image = pixels;
    put(places.bars, h("p", { class: "quiet" }, t("network.computing")));
    const run = await ask("network/run", { network: state.reference, pixels: state.pixels });
    if (!run) return;
    state.run = run;
    put(places.bars, run.network.untrained ? h("p", { class: "quiet" }, t("network.untrained")) : null, predictionBars(run.predictions));
    showFacts();
    showLine();
    const names = run.stages.filter((stage) => stage.output !== null).map((stage) => stage.name);
    chooseStage(names.includes(state.stage) ? state.stage : names[Math.min(1, names.length - 1)]);
  }

  function showFacts() {
    const { network, facts, steps } = state.run;
    const counts = { macs: steps.reduce((sum, step) => sum + step.macs, 0), steps: steps.length };
    const stated = facts ? Object.entries(facts.stated).slice(0, 5) : [];
    put(places.facts,
      h("p", {}, h("b", {}, network.architecture), "  ", network.summary),
      h("p", { class: "quiet" }, t("network.counts", { size: network.size, steps: counts.steps, macs: short(counts.macs) })),
      facts ? h("details", {}, h("summary", {}, t("network.paper", { year: facts.year })),
        h("p", { class: "quiet" }, `${facts.authors.join(", ")}: “${facts.title}”`),
        stated.length ? h("dl", { class: "stated" }, stated.map(([quantity, given]) => [h("dt", {}, quantity.replaceAll("_", " ")), h("dd", { title: given.source }, given.value)])) : null) : null);
  }

  /** The stages in a line, from the image to the classes. */
  function showLine() {
    const { network, stages, predictions } = state.run;
    const image = h("div", { class: "stage" }, h("b", {}, t("network.input")), sized(canvasOf(paintPixels(state.image, network.size, network.size)), 70), h("small", {}, shapeText([3, network.size, network.size])));
    const cards = stages.filter((stage) => stage.output !== null).map((stage) => {
      const output = state.run.steps.find((step) => step.number === stage.output);
      const count = stage.preview.maps.shape[0];
      const isMaps = output.shape.length === 3;
      const preview = isMaps
        ? h("span", { class: "previews" }, Array.from({ length: count }, (_, channel) => Object.assign(mapCanvas(stage.preview.maps, channel), { className: "pixelated" })))
        : Object.assign(mapCanvas(stage.preview.maps, 0), { className: "pixelated row-vector" });
      return [arrow(), h("button", { type: "button", class: "stage", "aria-pressed": "false", "data-stage": stage.name, onclick: () => chooseStage(stage.name) },
        h("b", {}, stage.name), preview, h("small", {}, shapeText(output.shape), h("br"), t("network.stage_macs", { macs: short(stage.macs) })))];
    });
    const best = predictions[0];
    const output = h("div", { class: "stage" }, h("b", {}, t("network.output")), h("small", {}, best.name, h("br"), `${(100 * best.probability).toFixed(1)}%`));
    put(places.line, image, cards, arrow(), output);
  }

  function sized(canvas, side) {
    canvas.style.width = canvas.style.height = `${side}px`;
    canvas.className = "pixelated";
    return canvas;
  }

  function arrow() {
    return s("svg", { class: "arrow", viewBox: "0 0 30 16", "aria-hidden": "true" }, s("path", { d: "M2 8H26M20 3L26 8L20 13", fill: "none", stroke: "currentColor", "stroke-width": 2 }));
  }

  function chooseStage(title) {
    state.stage = title;
    for (const button of places.line.querySelectorAll("[data-stage]")) button.setAttribute("aria-pressed", String(button.dataset.stage === title));
    const stage = state.run.stages.find((each) => each.name === title);
    const steps = state.run.steps.filter((step) => stage.steps.includes(step.number));
    places.stageTitle.textContent = t("network.stage", { name: title, count: steps.length });
    put(places.steps, stepDiagram(steps, stage.output, chooseStep, t("network.steps")));
    chooseStep(steps.find((step) => step.number === stage.output));
    places.steps.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  async function chooseStep(step) {
    state.step = step;
    const answer = await ask("network/maps", { network: state.reference, pixels: state.pixels, step: step.number });
    if (!answer || state.step !== step) return;
    const isMaps = step.shape.length === 3;
    places.mapsTitle.textContent = isMaps ? t("network.maps", { name: step.name, count: answer.channels }) : t("network.vector", { name: step.name, count: step.shape.at(-1) });
    state.channel = isMaps ? Math.min(state.channel, answer.maps.shape[0] - 1) : 0;
    put(places.maps, mapGrid(answer.maps, state.channel, chooseChannel, t("network.maps_label", { name: step.name })),
      answer.channels > answer.maps.shape[0] && isMaps ? h("p", { class: "quiet" }, t("network.first_maps", { shown: answer.maps.shape[0], all: answer.channels })) : null,
      h("p", { class: "quiet" }, t("network.scale", { largest: shown(answer.largest, 3) })));
    await chooseChannel(state.channel);
  }

  async function chooseChannel(channel) {
    const step = state.step;
    state.channel = channel;
    const answer = await ask("network/map", { network: state.reference, pixels: state.pixels, step: step.number, channel });
    if (!answer || state.step !== step || state.channel !== channel) return;
    const [height, width] = answer.values.shape;
    const greatest = answer.values.data.reduce((best, value, i, all) => (value > all[best] ? i : best), 0);
    state.position = [Math.floor(greatest / width), greatest % width];
    const map = largeMap(answer.values, state.position, { hover: (row, column) => look(row, column, false), choose: (row, column) => look(row, column, true) }, t("network.map_label", { channel, height, width }));
    put(places.large, map.canvas, h("p", { class: "quiet" }, t("network.map_caption", { channel, height, width })));
    const canvas = canvasOf(paintPixels(state.image, state.run.network.size, state.run.network.size));
    canvas.className = "pixelated";
    state.marks = s("svg", { "aria-hidden": "true" });
    state.heat = h("canvas", { class: "pixelated", width: 1, height: 1, "aria-hidden": "true" });
    Object.assign(state.heat.style, { position: "absolute", inset: "0", width: "100%" });
    put(places.image, canvas, state.heat, state.marks);
    await look(...state.position, true);
  }

  function indexOf(row, column) {
    return state.step.shape.length === 3 ? [state.channel, row, column] : state.step.shape.length === 1 ? [column] : [Math.floor(column / state.step.shape[1]), column % state.step.shape[1]];
  }

  const look = perFrame(async (row, column, isChosen) => {
    const step = state.step;
    const question = { network: state.reference, pixels: state.pixels, step: step.number, index: indexOf(row, column) };
    const answer = await ask("network/number", question);
    if (!answer || state.step !== step) return;
    const [top, left, bottom, right] = answer.box;
    const side = state.run.network.size;
    frame(state.marks, side, side, left, top, right - left + 1, bottom - top + 1);
    places.value.textContent = t(answer.everything ? "network.number_whole" : "network.number", {
      index: question.index.join(", "), value: shown(answer.chain[0].value), high: bottom - top + 1, wide: right - left + 1 });
    if (!isChosen) return;
    places.chainTitle.textContent = t("network.chain", { index: question.index.join(", "), name: step.name });
    put(places.chain, explainedChain(answer.chain));
    state.heat.width = 1;
    if (canAsk("network/field")) showInfluence(question);
  });

  /** Shade what has no influence on the number: the effective receptive field. */
  async function showInfluence(question) {
    const answer = await ask("network/field", question);
    if (!answer?.values || !state.heat) return;
    const { shape: [height, width], data } = answer.values;
    const largest = data.reduce((most, value) => Math.max(most, value), 1e-12);
    const image = new ImageData(width, height);
    data.forEach((value, i) => image.data.set([255, 210, 74, 150 * (value / largest) ** 0.6], i * 4));
    state.heat.width = width;
    state.heat.height = height;
    state.heat.getContext("2d").putImageData(image, 0, 0);
  }

  return () => choiceOfImages?.close();
}
