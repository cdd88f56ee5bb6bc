// How a number came about, as cards from the first step to the last: the terms are the network's own numbers.

import { grid, h, s, shapeText, shown } from "./dom.js";
import { cellColors } from "./colors.js";
import { t } from "./texts.js";

const CHANNELS_SHOWN = 3;
const LARGEST_GRID = 7; // a larger kernel is shown without numbers

/** Cards of a chain (the last step first, as the server sends it). */
export function explainedChain(chain) {
  return h("ol", { class: "chain" }, [...chain].reverse().map((each, i) =>
    h("li", { class: "card" },
      h("h3", {}, `${i + 1}. ${each.name}`, h("span", { class: "quiet" }, `  ${each.path} [${each.index.join(", ")}]`)),
      (KINDS[each.kind] ?? other)(each.terms, each))));
}

const KINDS = {
  convolution, linear, batch_norm: normalization, layer_norm: normalization, activation, max_pool: pool, average_pool: pool,
  local_response_norm: responseNorm, add: join("+"), multiply: join("×"), concatenate, scale, shift, copy, pad: () => h("p", {}, t("explained.padding")),
};

function result(value) {
  return h("span", { class: "result" }, shown(value));
}

function sign(text) {
  return h("span", { class: "sign" }, text);
}

function plane(tensor, channel) {
  const [, high, wide] = tensor.shape;
  const values = tensor.data.subarray(channel * high * wide, (channel + 1) * high * wide);
  return Array.from({ length: high }, (_, i) => Array.from(values.subarray(i * wide, (i + 1) * wide)));
}

function most(data) {
  return data.reduce((greatest, value) => Math.max(greatest, Math.abs(value)), 0);
}

function convolution(terms, { value }) {
  const { patch, weights, sums } = terms;
  const order = Array.from(sums.data, (sum, channel) => [Math.abs(sum), channel]).sort((a, b) => b[0] - a[0]).map(([, channel]) => channel);
  const isSmall = Math.max(...patch.shape.slice(1)) <= LARGEST_GRID;
  const [largestPatch, largestWeight] = [most(patch.data), most(weights.data)];
  const rows = order.slice(0, CHANNELS_SHOWN).map((channel) => {
    const numbers = (tensor, largest, label) => isSmall
      ? grid(plane(tensor, channel), { largest, color: cellColors, label, digits: 2 })
      : colored(plane(tensor, channel), largest, label);
    return h("div", { class: "equation" },
      figure(numbers(patch, largestPatch, t("explained.patch")), t("explained.channel", { channel: terms.first + channel })), sign("×"),
      figure(numbers(weights, largestWeight, t("explained.filter")), t("explained.filter")), sign("Σ ="), h("span", {}, shown(sums.data[channel])));
  });
  const rest = order.slice(CHANNELS_SHOWN).reduce((sum, channel) => sum + sums.data[channel], 0);
  const count = sums.data.length;
  return [
    h("p", { class: "quiet" }, t("explained.convolution", { count, shape: shapeText(patch.shape) })),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("explained.patch") }, rows),
    count > 1 ? sumsChart(sums.data) : null,
    h("p", { class: "equation" },
      order.slice(0, CHANNELS_SHOWN).map((channel, i) => [i ? sign("+") : null, shown(sums.data[channel])]),
      count > CHANNELS_SHOWN ? [sign("+"), t("explained.others", { count: count - CHANNELS_SHOWN, sum: shown(rest) })] : null,
      terms.bias ? [sign("+"), t("explained.bias", { bias: shown(terms.bias) })] : null, sign("="), result(value)),
  ];
}

function colored(rows, largest, label) {
  const cell = Math.max(6, Math.floor(110 / rows.length));
  return s("svg", { width: rows[0].length * cell, height: rows.length * cell, role: "img", "aria-label": label },
    rows.flatMap((row, i) => row.map((value, j) => s("rect", { x: j * cell, y: i * cell, width: cell, height: cell, fill: cellColors(value / (largest || 1))[0] }))));
}

function figure(content, caption) {
  return h("figure", {}, content, h("figcaption", {}, caption));
}

/** Bars of what every channel contributes. */
function sumsChart(sums) {
  const [width, height] = [600, 70];
  const largest = most(sums) || 1;
  const bar = width / sums.length;
  const bars = Array.from(sums, (sum, i) => {
    const size = (Math.abs(sum) / largest) * (height / 2 - 2);
    return s("rect", { x: i * bar, y: sum > 0 ? height / 2 - size : height / 2, width: Math.max(0.6, bar * 0.9), height: size, fill: cellColors(Math.sign(sum))[0] });
  });
  return h("figure", { class: "sums-figure" },
    s("svg", { class: "sums", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": t("explained.sums") },
      s("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2, stroke: "currentColor", "stroke-width": 0.5 }), bars),
    h("figcaption", {}, t("explained.sums")));
}

function linear(terms, { value }) {
  const products = Array.from(terms.inputs.data, (x, i) => [x * terms.weights.data[i], i]).sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]));
  const top = products.slice(0, 6);
  const rest = products.slice(6).reduce((sum, [product]) => sum + product, 0);
  return [
    h("p", { class: "quiet" }, t("explained.linear", { count: products.length })),
    h("table", { class: "data" },
      h("thead", {}, h("tr", {}, [t("explained.input"), t("explained.value"), t("explained.weight"), t("explained.product")].map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, top.map(([product, i]) => h("tr", {}, h("th", { scope: "row" }, i), [terms.inputs.data[i], terms.weights.data[i], product].map((number) => h("td", {}, shown(number))))))),
    h("p", { class: "equation" }, top.map(([product], i) => [i ? sign("+") : null, shown(product, 3)]),
      products.length > 6 ? [sign("+"), t("explained.others", { count: products.length - 6, sum: shown(rest) })] : null,
      terms.bias ? [sign("+"), t("explained.bias", { bias: shown(terms.bias) })] : null, sign("="), result(value)),
  ];
}

function normalization(terms, { value, kind }) {
  const { x, mean, variance, epsilon, weight, bias } = terms;
  return [
    h("p", { class: "quiet" }, t(`explained.${kind}`)),
    h("p", { class: "equation" }, `(${shown(x)} − ${shown(mean)})`, sign("/"), `√(${shown(variance)} + ${shown(epsilon, 2)})`,
      sign("×"), shown(weight), sign("+"), shown(bias), sign("="), result(value)),
  ];
}

const CURVES = {
  ReLU: (x) => Math.max(0, x), ReLU6: (x) => Math.min(6, Math.max(0, x)), tanh: Math.tanh, sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  GELU: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

function activation({ x, function: title }, { value }) {
  const curve = CURVES[title];
  const reach = Math.max(3, Math.abs(x) * 1.2);
  const points = Array.from({ length: 81 }, (_, i) => ((i - 40) / 40) * reach);
  const high = Math.max(...points.map((p) => Math.abs(curve(p))));
  const at = (a, b) => [80 + (a / reach) * 76, 45 - (b / high) * 40];
  return h("div", { class: "equation" },
    s("svg", { width: 160, height: 90, role: "img", "aria-label": title },
      s("path", { d: "M4 45H156M80 4V86", stroke: "currentColor", "stroke-width": 0.5, opacity: 0.5 }),
      s("polyline", { points: points.map((p) => at(p, curve(p)).join(",")).join(" "), fill: "none", stroke: "var(--accent)", "stroke-width": 2 }),
      s("circle", { cx: at(x, value)[0], cy: at(x, value)[1], r: 5, fill: "var(--signal)" })),
    h("span", {}, `${title}(${shown(x)})`), sign("="), result(value));
}

function pool(terms, { value, kind }) {
  const [high, wide] = terms.window.shape;
  const rows = Array.from({ length: high }, (_, i) => Array.from(terms.window.data.subarray(i * wide, (i + 1) * wide)));
  const largest = most(terms.window.data.filter((x) => !Number.isNaN(x)));
  const isChosen = (i, j) => (terms.position && terms.top + i === terms.position[0] && terms.left + j === terms.position[1] ? "chosen" : null);
  const numbers = Math.max(high, wide) <= LARGEST_GRID ? grid(rows, { largest, color: cellColors, label: t("explained.window"), digits: 3, mark: isChosen }) : colored(rows, largest, t("explained.window"));
  return [h("p", { class: "quiet" }, t(`explained.${kind}`, { divisor: terms.divisor })),
    h("div", { class: "equation" }, numbers, sign(kind === "max_pool" ? "max =" : "Σ / n ="), result(value))];
}

function responseNorm(terms, { value }) {
  const squares = terms.neighbors.data.reduce((sum, x) => sum + x * x, 0);
  return [h("p", { class: "quiet" }, t("explained.response_norm", { count: terms.neighbors.data.length })),
    h("p", { class: "equation" }, shown(terms.x), sign("/"), `(${shown(terms.k)} + ${shown(terms.alpha)} × ${shown(squares)})^${shown(terms.beta)}`, sign("="), result(value))];
}

function join(operator) {
  return (terms, { value }) => [h("p", { class: "quiet" }, operator === "+" ? t("explained.add") : t("explained.multiply")),
    h("p", { class: "equation" }, terms.values.map((each, i) => [i ? sign(operator) : null, shown(each)]), sign("="), result(value))];
}

function concatenate(terms, { value }) {
  return [h("p", { class: "quiet" }, t("explained.concatenate", { part: terms.part + 1, parts: terms.channels.length, channels: terms.channels.join(" + ") })), h("p", {}, result(value))];
}

function scale(terms, { value }) {
  return h("p", { class: "equation" }, shown(terms.x), sign("×"), shown(terms.factor), sign("="), result(value));
}

function shift(terms, { value }) {
  return h("p", { class: "equation" }, shown(terms.x), sign("+"), shown(terms.summand), sign("="), result(value));
}

function copy(terms, { value }) {
  return [h("p", { class: "quiet" }, t("explained.copy", { origin: terms.origin.join(", ") })), h("p", {}, result(value))];
}

function other(_, { value }) {
  return [h("p", { class: "quiet" }, t("explained.other")), h("p", {}, result(value))];
}
