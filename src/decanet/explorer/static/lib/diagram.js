// The steps of one stage as a diagram from left to right: what is computed from what.

import { s, shapeText } from "./dom.js";

const [WIDE, HIGH, GAP_X, GAP_Y] = [132, 44, 34, 12];

/** Ranks and rows of steps: a step stands behind all of its inputs, and branches below each other. */
export function layOut(steps) {
  const inside = new Set(steps.map((step) => step.number));
  const rank = new Map();
  for (const step of steps) {
    const before = step.inputs.filter((n) => inside.has(n)).map((n) => rank.get(n) + 1);
    rank.set(step.number, Math.max(0, ...before));
  }
  const taken = new Map(); // rank -> rows that are taken
  const row = new Map();
  for (const step of steps) {
    const before = step.inputs.filter((n) => inside.has(n));
    const rows = taken.get(rank.get(step.number)) ?? new Set();
    // Branches that meet go on in the uppermost row; the first step after a fork keeps its row, the next ones go below.
    let at = before.length ? Math.min(...before.map((n) => row.get(n))) : 0;
    while (rows.has(at)) at += 1;
    rows.add(at);
    taken.set(rank.get(step.number), rows);
    row.set(step.number, at);
  }
  return { rank, row };
}

/** The diagram as SVG. choose(step) is called for the one that is chosen. */
export function stepDiagram(steps, chosen, choose, label) {
  const { rank, row } = layOut(steps);
  const x = (n) => 8 + rank.get(n) * (WIDE + GAP_X);
  const y = (n) => 22 + row.get(n) * (HIGH + GAP_Y);
  const columns = Math.max(...rank.values()) + 1;
  const rows = Math.max(...row.values()) + 1;
  const inside = new Map(steps.map((step) => [step.number, step]));
  const edges = steps.flatMap((step) => step.inputs.filter((n) => inside.has(n)).map((n) => edge(n, step.number)));
  const nodes = steps.map((step) => {
    const isJoin = step.inputs.length > 1;
    const group = s("g", {
      class: isJoin ? "node join" : "node", role: "button", tabindex: "0", "aria-pressed": String(step.number === chosen),
      "aria-label": `${step.name}, ${shapeText(step.shape)}`, transform: `translate(${x(step.number)} ${y(step.number)})`,
      onclick: () => press(step),
      onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(step); } },
    },
    s("title", {}, `${step.path || step.name}: ${step.name}`),
    s("rect", { width: WIDE, height: HIGH, rx: isJoin ? HIGH / 2 : 8 }),
    s("text", { x: WIDE / 2, y: 18 }, cut(step.name)), s("text", { x: WIDE / 2, y: 34, class: "small" }, shapeText(step.shape)));
    return [step.number, group];
  });
  function press(step) {
    for (const [number, group] of nodes) group.setAttribute("aria-pressed", String(number === step.number));
    choose(step);
  }

  function edge(from, to) {
    const [x1, y1] = [x(from) + WIDE, y(from) + HIGH / 2];
    const [x2, y2] = [x(to), y(to) + HIGH / 2];
    const isFar = rank.get(to) - rank.get(from) > 1;
    if (isFar && row.get(from) === row.get(to)) { // over the steps between: a shortcut
      const top = Math.max(4, y(from) - 14);
      const [left, right] = [x1 - 14, x2 + 14];
      return s("path", { class: "shortcut", d: `M${left} ${y(from)} C${left} ${top} ${left} ${top} ${left + 24} ${top} L${right - 24} ${top} C${right} ${top} ${right} ${top} ${right} ${y(to)}` });
    }
    const half = Math.min(GAP_X, (x2 - x1) / 2);
    const bend = y1 === y2 ? `L${x2} ${y2}` : `C${x1 + half} ${y1} ${x1 + half} ${y2} ${Math.min(x1 + 2 * half, x2)} ${y2} L${x2} ${y2}`;
    return s("path", { class: isFar ? "shortcut" : null, d: `M${x1} ${y1} ${bend}` });
  }

  return s("svg", { width: columns * (WIDE + GAP_X) + 8, height: rows * (HIGH + GAP_Y) + 26, role: "group", "aria-label": label }, edges, nodes.map(([, group]) => group));
}

function cut(name) {
  return name.length > 21 ? `${name.slice(0, 20)}…` : name;
}
