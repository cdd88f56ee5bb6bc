// Page "lineage": an interactive chart of the decade; each point opens its network.

import { choice, h, labeled, put, s, short, shown } from "../lib/dom.js";
import { ask, isSnapshot } from "../lib/backend.js";
import { t } from "../lib/texts.js";

export const name = "lineage";
export const needs = ["lineage/milestones"];

const QUANTITIES = ["year", "depth", "params", "macs", "competition", "paper", "library"];
const LOGARITHMIC = ["depth", "params", "macs"];
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [980, 560, 70, 30, 52, 56];

/** Open the page. */
export function open(main) {
  const state = { x: "year", y: "competition", size: "params", chosen: null };
  const places = { chart: h("div"), about: h("div", { "aria-live": "polite" }), table: h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("lineage.table") }) };
  ask("lineage/milestones").then((given) => {
    const pick = (axis) => labeled(t(`lineage.${axis}`), choice(QUANTITIES.map((each) => [each, t(`lineage.quantity_${each}`)]), state[axis], (value) => { state[axis] = value; draw(given); }));
    main.append(
      h("div", { class: "row" }, pick("x"), pick("y")),
      h("div", { class: "columns lineage" }, h("section", { class: "card" }, places.chart), h("section", { class: "card" }, places.about)),
      h("details", { class: "card" }, h("summary", {}, t("lineage.table")), places.table));
    state.chosen = given.milestones.find((each) => each.name === "alexnet_two_tower") ?? given.milestones[0];
    draw(given);
    put(places.table, table(given.milestones));
  });

  function draw(given) {
    const rows = given.milestones.filter((row) => row[state.x] !== null && row[state.y] !== null);
    put(places.chart, chart(rows, given.human, state, (row) => { state.chosen = row; draw(given); }));
    put(places.about, about(state.chosen), state.y === "competition" || state.x === "competition" ? h("p", { class: "quiet" }, t("lineage.human", { error: given.human.error }), " ", given.human.caveat) : null);
  }
}

function scaleOf(rows, quantity, from, to, human) {
  const values = rows.map((row) => row[quantity]);
  if (quantity === "competition") values.push(human.error);
  const isLog = LOGARITHMIC.includes(quantity);
  const f = isLog ? Math.log10 : (value) => value;
  const [low, high] = [Math.min(...values), Math.max(...values)].map(f);
  const room = (high - low) * 0.08 || 1;
  const [first, last] = [!isLog && quantity !== "year" ? 0 : low - room, high + room];
  const at = (value) => from + ((f(value) - first) / (last - first)) * (to - from);
  return { at, ticks: ticks(first, last, isLog, quantity === "year") };
}

function ticks(first, last, isLog, isYear) {
  if (isLog) {
    const found = [];
    for (let power = Math.floor(first); power <= Math.ceil(last); power++) {
      for (const part of last - first > 2.5 ? [1] : [1, 2, 5]) {
        const value = part * 10 ** power;
        if (Math.log10(value) >= first && Math.log10(value) <= last) found.push(value);
      }
    }
    return found;
  }
  const rough = (last - first) / 6;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = isYear ? Math.max(1, Math.ceil(rough)) : [1, 2, 5, 10].map((n) => n * size).find((n) => n >= rough);
  const found = [];
  for (let value = Math.ceil(first / step) * step; value <= last; value += step) found.push(value);
  return found;
}

function chart(rows, human, state, choose) {
  const x = scaleOf(rows, state.x, LEFT, WIDTH - RIGHT, human);
  const y = scaleOf(rows, state.y, HEIGHT - BOTTOM, TOP, human);
  const radius = (row) => 5 + 3.2 * Math.log10(row.params / 1e6 + 1.2) * 3;
  const placed = [];
  const points = [...rows].sort((a, b) => b.params - a.params).map((row) => {
    const [cx, cy, r] = [x.at(row[state.x]), y.at(row[state.y]), radius(row)];
    const label = { x: cx, y: cy - r - 5 };
    while (placed.some((other) => Math.abs(other.x - label.x) < 82 && Math.abs(other.y - label.y) < 13)) label.y -= 13;
    if (label.y < 12) label.y = cy + r + 14;
    placed.push(label);
    const isChosen = row === state.chosen;
    return s("g", { class: isChosen ? "point chosen" : "point", role: "button", tabindex: "0", "aria-pressed": String(isChosen), "aria-label": `${row.title}, ${row.year}`,
      onclick: () => choose(row), onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(row); } } },
    s("circle", { cx, cy, r }), s("text", { x: label.x, y: label.y, "text-anchor": label.x > WIDTH - 90 ? "end" : label.x < LEFT + 60 ? "start" : "middle" }, row.title));
  });
  const isHuman = [state.x === "competition" ? "x" : null, state.y === "competition" ? "y" : null];
  const line = isHuman[1] ? [s("line", { class: "human", x1: LEFT, x2: WIDTH - RIGHT, y1: y.at(human.error), y2: y.at(human.error) }), s("text", { class: "label", x: LEFT + 6, y: y.at(human.error) + 16 }, t("lineage.human_short", { error: human.error }))] : [];
  return s("svg", { class: "chart lineage-chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": t("lineage.title") },
    y.ticks.map((value) => [s("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y.at(value), y2: y.at(value) }), s("text", { class: "label", x: LEFT - 8, y: y.at(value) + 4, "text-anchor": "end" }, tick(state.y, value))]),
    x.ticks.map((value) => s("text", { class: "label", x: x.at(value), y: HEIGHT - BOTTOM + 20, "text-anchor": "middle" }, tick(state.x, value))),
    s("text", { class: "label", x: WIDTH - RIGHT, y: HEIGHT - 8, "text-anchor": "end" }, t(`lineage.quantity_${state.x}`)),
    s("text", { class: "label", x: 8, y: 20 }, t(`lineage.quantity_${state.y}`)), line, points);
}

function tick(quantity, value) {
  return quantity === "year" ? String(value) : LOGARITHMIC.includes(quantity) ? short(value) : `${shown(value, 3)}%`;
}

function about(row) {
  const facts = [["depth", row.depth], ["params", short(row.params)], ["macs", short(row.macs)],
    ["competition", row.competition === null ? null : t("lineage.of_rank", { error: row.competition, rank: row.rank })],
    ["paper", row.paper === null ? null : `${shown(row.paper)}% (${row.paper_test})`],
    ["library", row.library === null ? null : `${shown(row.library)}% (${row.library_year})`]].filter(([, value]) => value !== null);
  return [h("h2", {}, `${row.title}, ${row.year}`),
    row.innovations.length ? h("ul", {}, row.innovations.map((each) => h("li", {}, each))) : null,
    h("dl", { class: "stated" }, facts.map(([key, value]) => [h("dt", {}, t(`lineage.quantity_${key}`)), h("dd", {}, value)])),
    isSnapshot() ? null : h("p", {}, h("a", { href: `#/network?network=${row.name}` }, t("lineage.open")))];
}

function table(rows) {
  const cell = (row, quantity) => (row[quantity] === null ? "–" : quantity === "year" || quantity === "depth" ? row[quantity] : LOGARITHMIC.includes(quantity) ? short(row[quantity]) : `${shown(row[quantity])}%`);
  return h("table", { class: "data" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("images.network")), QUANTITIES.map((quantity) => h("th", { scope: "col" }, t(`lineage.quantity_${quantity}`))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.title), QUANTITIES.map((quantity) => h("td", {}, cell(row, quantity)))))));
}
