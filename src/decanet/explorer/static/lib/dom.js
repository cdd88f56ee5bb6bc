// Elements, made by plain functions. Text is always text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: h("p", {class: "lead", onclick: f}, "text", child). Properties that are null are left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Make an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Replace the content of an element. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** A label with its control. */
export function labeled(text, control) {
  return h("label", { class: "field" }, h("span", {}, text), control);
}

/** A select of [value, text] pairs; change(value) is called when another one is chosen. */
export function choice(pairs, chosen, change) {
  return h(
    "select",
    { onchange: (event) => change(event.target.value) },
    pairs.map(([value, text]) => h("option", { value, selected: String(value) === String(chosen) }, text)),
  );
}

/** A slider with its value beside it; words(value) is what is shown. */
export function slider(text, { min, max, step, value, words = String }, change) {
  const shown = h("output", {}, words(value));
  const input = h("input", {
    type: "range", min, max, step, value,
    oninput: (event) => {
      shown.textContent = words(Number(event.target.value));
      change(Number(event.target.value));
    },
  });
  const field = h("label", { class: "field" }, h("span", {}, text), h("span", { class: "slider" }, input, shown));
  return { field, input, set: (next) => { input.value = next; shown.textContent = words(Number(next)); } };
}

/** A number as it is printed: four significant digits, a true minus sign, no exponent between 0.001 and 10000. */
export function shown(value, digits = 4) {
  if (Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(digits))) : value.toExponential(digits - 2);
  return text.replace("-", "−");
}

/** A count in short: 1.2 k, 3.4 M. */
export function short(count) {
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (count >= size) return `${Number((count / size).toPrecision(3))} ${unit}`;
  }
  return String(count);
}

/** A shape as people write it. */
export function shapeText(shape) {
  return shape.join(" × ");
}

/** Call f at most once per frame, with the newest arguments. */
export function perFrame(f) {
  let waiting = null;
  return (...given) => {
    if (waiting === null) {
      requestAnimationFrame(() => {
        const newest = waiting;
        waiting = null;
        f(...newest);
      });
    }
    waiting = given;
  };
}

/** A table of numbers in cells whose color shows the value; mark(i, j) gives a class for a cell. */
export function grid(rows, { largest, label, digits = 3, mark = () => null, color }) {
  const body = rows.map((row, i) =>
    h("tr", {}, row.map((value, j) => {
      const cell = h("td", { class: mark(i, j) }, shown(value, digits));
      if (color && !Number.isNaN(value)) {
        const [background, ink] = color(value / (largest || 1));
        cell.style.background = background;
        cell.style.color = ink;
      }
      return cell;
    })),
  );
  return h("table", { class: "numbers", "aria-label": label }, h("tbody", {}, body));
}
