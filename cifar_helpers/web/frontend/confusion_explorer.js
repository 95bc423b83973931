// The confusion matrix of a network: a cell opens its pictures, a picture its probabilities; people's matrix beside it.
import { h, mount, framed, binding, loader, canvas, bytesOf } from "./ui.js";
import { at, css, inkOn, paint, paintBytes } from "./colour.js";
import { fixed, percent } from "./numbers.js";
import { arrows, probabilityBars, segmented } from "./controls.js";
import { picture } from "./picture.js";
import { imageWall, unpackPictures } from "./image_wall.js";
import styles from "./confusion_explorer.css";
import wallStyles from "./image_wall.css";

const SHORT = { airplane: "plane", automobile: "car" };
const PER_PAGE = 12;
const MARKED = 5;
const QUIET = 0.01;

/** @param {number} n */
const thousands = n => n.toLocaleString("en-US");
const short = name => SHORT[name] ?? name;

/**
 * What follows from logits and labels.
 * @param {Float32Array} logits (N, classes)
 * @param {Uint8Array} labels
 * @param {number} classes
 * @returns {{labels: Uint8Array, predicted: Uint8Array, confidence: Float64Array, counts: Float64Array,
 *     byConfidence: Uint32Array}} `counts` has the true classes as rows; `byConfidence` numbers, the highest first
 */
export function measured(logits, labels, classes) {
  const predicted = new Uint8Array(labels.length);
  const confidence = new Float64Array(labels.length);
  const counts = new Float64Array(classes * classes);
  for (let i = 0; i < labels.length; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const shares = softmax(row);
    predicted[i] = row.indexOf(Math.max(...row));
    confidence[i] = shares[predicted[i]];
    counts[labels[i] * classes + predicted[i]] += 1;
  }
  const byConfidence = Uint32Array.from(labels, (_, i) => i).sort((a, b) => confidence[b] - confidence[a] || a - b);
  return { labels, predicted, confidence, counts, byConfidence };
}

/** @param {Float32Array} row */
function softmax(row) {
  const most = Math.max(...row);
  const powers = Array.from(row, value => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map(power => power / sum);
}

/** Rows of a matrix as shares of each. */
function shares(matrix, n) {
  return Float64Array.from(matrix, (value, k) => {
    const row = matrix.slice(k - (k % n), k - (k % n) + n);
    return value / Math.max(1e-9, row.reduce((a, b) => a + b, 0));
  });
}

/** Numbers of the largest cells off the diagonal. */
function largestMistakes(matrix, n) {
  const cells = Array.from(matrix, (value, k) => [value, k]).filter(([value, k]) => value > 0 && k % (n + 1));
  return new Set(cells.sort((a, b) => b[0] - a[0]).slice(0, MARKED).map(([, k]) => k));
}

/**
 * A matrix with its names; arrow keys go over cells and names. Place -1 stands for the names: all classes.
 * @param {string} label
 * @param {string[]} classes
 * @param {(t: number, p: number) => void} chosen
 * @param {(place: number[] | null) => void} pointed the place under the pointer
 */
function matrix(label, classes, chosen, pointed) {
  const n = classes.length;
  const frame = h("div", { class: "cw-frame ce-frame" });
  const places = [-1, ...classes.keys()];
  let current = [0, 0];
  const go = (t, p) => {
    current = [t, p]; // at once: a second key may come before the frame
    chosen(t, p);
  };
  const names = (t, p) => (t < 0 && p < 0 ? "all" : classes[Math.max(t, p)]);
  const cell = (t, p) => {
    const heading = t < 0 || p < 0;
    const kinds = { "ce-top": t < 0, "ce-upright": t < 0 && p >= 0, "ce-same": !heading && t === p };
    const content = heading
      ? [h("span", { class: "ce-long" }, names(t, p)), h("span", { class: "ce-short" }, short(names(t, p)))]
      : [];
    const node = h(
      "div",
      {
        class: [heading ? "ce-name" : "ce-cell", ...Object.keys(kinds).filter(kind => kinds[kind])].join(" "),
        role: t < 0 ? "columnheader" : p < 0 ? "rowheader" : "gridcell",
        onclick: () => go(t, p),
        // With the button held, the choice follows the pointer.
        onpointerenter: event => {
          pointed([t, p]);
          if (event.buttons === 1 && event.pointerType === "mouse") go(t, p);
        },
      },
      content,
    );
    node.style.gridArea = `${t + 2} / ${p + 2}`;
    return node;
  };
  const table = places.map(t => places.map(p => cell(t, p)));
  const rows = table.map(row => h("div", { role: "row", class: "ce-row" }, row));
  const node = h("div", { class: "ce-matrix", role: "grid", "aria-label": label }, rows, frame);
  node.addEventListener("pointerleave", () => pointed(null));
  arrows(node, (down, right) => {
    const next = [current[0] + down, current[1] + right].map(k => Math.max(-1, Math.min(n - 1, k)));
    go(next[0], next[1]);
    table[next[0] + 1][next[1] + 1].focus();
  });
  return {
    node,
    /** The names of all places, for screen readers. */
    name(say) {
      table.forEach((row, i) => row.forEach((each, k) => each.setAttribute("aria-label", say(i - 1, k - 1))));
    },
    /** Shows a place as chosen. */
    mark(t, p) {
      current = [t, p];
      table.forEach((row, i) =>
        row.forEach((each, k) => {
          const here = i - 1 === t && k - 1 === p;
          each.tabIndex = here ? 0 : -1;
          each.setAttribute("aria-selected", here);
          const ofRow = k === 0 && t >= 0 && i - 1 === t;
          const ofColumn = i === 0 && p >= 0 && k - 1 === p;
          each.classList.toggle("ce-on", here || ofRow || ofColumn);
        }),
      );
      const lines = k => (k < 0 ? `2 / ${n + 2}` : `${k + 2} / ${k + 3}`);
      frame.style.gridRow = lines(t);
      frame.style.gridColumn = lines(p);
    },
    /** @param {{parts: Float64Array, text: (k: number) => string, limit: number, colours: Uint8Array}} values */
    fill({ parts, text, limit, colours }) {
      const marked = largestMistakes(parts, n);
      parts.forEach((share, k) => {
        const each = table[Math.floor(k / n) + 1][(k % n) + 1];
        each.textContent = text(k);
        each.classList.toggle("ce-quiet", share < QUIET);
        each.classList.toggle("ce-most", marked.has(k));
        if (k % (n + 1) === 0) return;
        const rgb = at(colours, share / limit);
        each.style.background = css(rgb);
        each.style.color = share < QUIET ? "" : inkOn(rgb);
      });
    },
  };
}

/**
 * @param {{model: any, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render({ model, el, load }) {
  const get = load ?? loader(model);
  const stored = Boolean(load); // a stored page has some of the pictures, a notebook asks for each cell's
  const classes = model.get("classes");
  const n = classes.length;
  const people = Float64Array.from(model.get("people").flat());
  const store = new Map();
  const asked = new Set();
  /** @type {any} */
  let data = null;
  let logits = new Float32Array();
  /** @type {number[] | null} */
  let under = null;
  let list = new Uint32Array();
  let listed = "";
  let filled = "";
  let failure = "";

  const redraw = framed(draw);
  const { root, colours, say, close } = mount(
    el, "confusion_explorer", "Confusion matrix and its pictures", styles + wallStyles,
    () => {
      filled = "";
      redraw();
    },
  );
  const rechosen = () => {
    under = null; // a choice speaks louder than a resting pointer
    redraw();
  };
  const { set, close: unbind } = binding(model, { chosen: rechosen, view: redraw, order: redraw, picture: redraw });

  const choose = (t, p) => {
    set({ chosen: [t, p], picture: -1 });
    rechosen();
  };
  const point = place => {
    under = place;
    redraw();
  };
  const network = matrix("Confusion matrix of the network", classes, choose, point);
  const human = matrix("Confusion matrix of people", classes, choose, point);
  const view = segmented(
    "Numbers of the matrix",
    [
      { value: "counts", text: "Counts" },
      { value: "percent", text: "% of class", name: "Percent of the true class" },
      { value: "people", text: "Beside people" },
    ],
    model.get("view"),
    value => {
      set({ view: value });
      redraw();
    },
  );
  const order = h("button", {
    type: "button", class: "cw-chip",
    onclick: () => {
      set({ order: model.get("order") === "highest" ? "lowest" : "highest", picture: -1 });
      redraw();
    },
  });
  const wall = imageWall("Pictures", PER_PAGE, k => {
    set({ picture: list[k] });
    redraw();
  });
  wall.node.style.setProperty("--columns", "4");
  const large = picture("The chosen picture", { rows: 32, columns: 32 });
  const bars = probabilityBars(classes);

  const total = h("div", { class: "cw-lead" }, "Loading…");
  const title = h("b");
  const note = h("p", { class: "cw-cap ce-note" });
  const reading = h("p", { class: "ce-reading" });
  const largeName = h("span", { class: "cw-cap" });
  const verdict = h("p");
  const most = h("span", { class: "cw-cap" });
  const legend = canvas(128, 1);
  const key = h(
    "div", { class: "ce-legend" },
    h("span", { class: "cw-cap" }, "mistakes, % of class: 0"), h("span", { class: "ce-ramp" }, legend), most,
    h("span", { class: "cw-cap" }, h("i", { class: "ce-corner" }), `the ${MARKED} most frequent`),
    h("span", { class: "cw-cap ce-hint" }, "choose a cell, or a name for its row or column"),
  );
  const pictures = h(
    "div", { class: "ce-pictures" },
    h("div", { class: "cw-head" }, title),
    wall.node, note,
    h("div", { class: "ce-under" }, order, wall.pager),
  );
  const beside = h("div", { class: "ce-people" }, head("People", "% of class"), human.node);
  const detail = h(
    "div", { class: "cw-foot ce-detail" },
    h("div", { class: "ce-large" }, h("div", { class: "cw-head" }, largeName), large.node),
    h("div", { class: "ce-bars" }, verdict, bars.node),
  );
  const main = h(
    "div", { class: "ce-main" },
    h("div", { class: "ce-network" }, head("Network", "true class ↓  predicted →"), network.node),
    h("div", { class: "ce-read" }, reading, key),
    pictures, beside,
  );
  const source = h(
    "div", { class: "cw-foot cw-cap" },
    "People: about 50 for each of the 10,000 test photos of CIFAR-10 (CIFAR-10H). The network saw the images given " +
      "to this widget, so compare shares, not pictures.",
  );
  root.append(h("div", { class: "cw-bar" }, total, view.node), main, detail, source);

  function head(name, words) {
    return h("div", { class: "cw-head" }, h("b", {}, name), h("span", { class: "cw-cap" }, words));
  }

  /** A choice in words: its name, and what the numbers are. */
  function words(t, p) {
    const isCell = t >= 0 && p >= 0;
    const inside = k => (t < 0 || Math.floor(k / n) === t) && (p < 0 || k % n === p);
    // A cell is a share of its row; of more than a cell, the share on the diagonal is what counts.
    const whole = k => (isCell ? Math.floor(k / n) === t : inside(k));
    const part = k => inside(k) && (isCell || k % (n + 1) === 0);
    const sum = (numbers, wanted) => numbers.reduce((total, value, k) => (wanted(k) ? total + value : total), 0);
    const share = numbers => percent(sum(numbers, part) / Math.max(1e-9, sum(numbers, whole)), 1);
    const of = `${thousands(sum(data.counts, part))} of ${thousands(sum(data.counts, whole))}`;
    const numbers = (before, after) => `${before}${share(data.counts)}, ${of} ${after}; people ${share(people)}`;
    if (isCell) {
      const name = t === p ? `${classes[t]} predicted correctly` : `${classes[t]} predicted as ${classes[p]}`;
      return [name, numbers("", `${classes[t]} images`)];
    }
    if (t >= 0) return [`${classes[t]} predicted as another class`, numbers("recall ", "correct")];
    if (p >= 0) return [`wrongly predicted as ${classes[p]}`, numbers("precision ", "correct")];
    return ["all mistakes", numbers("accuracy ", "correct")];
  }

  /** Numbers of the images of a choice, in order of confidence. */
  function members(t, p, first) {
    const { labels, predicted, byConfidence } = data;
    const wanted = i =>
      (t < 0 || labels[i] === t) &&
      (p < 0 || predicted[i] === p) &&
      ((t >= 0 && p >= 0) || labels[i] !== predicted[i]);
    const found = byConfidence.filter(wanted);
    return first === "highest" ? found : found.reverse();
  }

  /** Asks for the pictures of a page of the wall that are not here yet. */
  async function want(numbers) {
    const files = numbers
      .filter(i => !store.has(i))
      .map(i => (stored ? "pictures" : `cell/${data.labels[i]}/${data.predicted[i]}`));
    for (const file of new Set(files)) {
      if (asked.has(file)) continue;
      asked.add(file);
      await keep(file);
    }
  }

  async function keep(file) {
    try {
      for (const { index, pixels } of unpackPictures(await get(file))) store.set(index, pixels);
    } catch (error) {
      failure = `The pictures could not be loaded: run the cell again. ${error}`;
    }
    listed = "";
    redraw();
  }

  async function begin() {
    try {
      const [numbers, labels] = await Promise.all([get("logits"), get("labels")]);
      logits = new Float32Array(bytesOf(numbers).slice().buffer);
      data = measured(logits, bytesOf(labels), n);
    } catch (error) {
      total.textContent = `The logits could not be loaded: run the cell again. ${error}`;
      return;
    }
    if (stored) await keep("pictures");
    const right = data.labels.reduce((count, label, i) => count + (label === data.predicted[i]), 0);
    const share = percent(right / data.labels.length, 1);
    total.textContent = `${thousands(data.labels.length)} images, ${share} predicted correctly`;
    for (const each of [network, human]) each.name((t, p) => words(t, p).join(": "));
    redraw();
  }

  function draw() {
    if (!data) return;
    const [t, p] = model.get("chosen");
    const now = model.get("view");
    view.set(now);
    main.classList.toggle("ce-both", now === "people");
    pictures.hidden = detail.hidden = now === "people";
    beside.hidden = source.hidden = now !== "people";
    drawMatrices(now);
    network.mark(t, p);
    human.mark(t, p);
    const [name, numbers] = words(...(under ?? [t, p]));
    reading.replaceChildren(h("b", {}, name), ` ${numbers}`);
    if (now !== "people") drawPictures(t, p);
    say(words(t, p).join(": "));
  }

  function drawMatrices(now) {
    if (filled === now) return;
    filled = now;
    const mine = shares(data.counts, n);
    const limit = Math.max(...[mine, people].flatMap(all => Array.from(all).filter((_, k) => k % (n + 1)))) || 1;
    const table = colours();
    const inPercent = all => k => (all[k] < 0.0005 ? "" : fixed(all[k] * 100, 1));
    const text = now === "counts" ? k => String(data.counts[k] || "") : inPercent(mine);
    network.fill({ parts: mine, text, limit, colours: table });
    human.fill({ parts: people, text: inPercent(people), limit, colours: table });
    paint(legend, 1, 128, i => at(table, i / 127));
    most.textContent = percent(limit);
  }

  function drawPictures(t, p) {
    const first = model.get("order");
    order.textContent = `Confidence ${first === "highest" ? "↓" : "↑"}`;
    order.setAttribute("aria-label", `Order by confidence: ${first} first`);
    const key = `${t} ${p} ${first}`;
    let missing = 0;
    if (listed !== key) {
      listed = key;
      const all = members(t, p, first);
      list = stored ? all.filter(i => store.has(i)) : all;
      missing = all.length - list.length;
      note.textContent = missing
        ? `${list.length} of ${thousands(all.length)} here; all in the notebook.`
        : all.length ? "" : "No image is in this cell.";
    }
    if (failure) note.textContent = failure;
    title.textContent = words(t, p)[0];
    const place = Math.max(0, list.indexOf(model.get("picture")));
    const { labels, predicted, confidence } = data;
    const caption = i => {
      const sure = percent(confidence[i]);
      if (t >= 0 && p >= 0) return sure;
      if (t < 0 && p < 0) return `${short(classes[labels[i]])}→${short(classes[predicted[i]])}`;
      return `${short(classes[t < 0 ? labels[i] : predicted[i]])} ${sure}`;
    };
    const name = i =>
      `Image ${i}, ${classes[labels[i]]}: predicted ${classes[predicted[i]]}, ${percent(confidence[i])}`;
    wall.set({
      total: list.length,
      chosen: place,
      caption: k => caption(list[k]),
      name: k => name(list[k]),
      pixels: k => store.get(list[k]),
    });
    const page = Math.floor(place / PER_PAGE) * PER_PAGE;
    want(Array.from(list.subarray(page, page + PER_PAGE)));
    drawDetail(list[place]);
  }

  /** @param {number | undefined} i */
  function drawDetail(i) {
    const pixels = i === undefined ? undefined : store.get(i);
    detail.classList.toggle("ce-blank", !pixels);
    if (i === undefined || !pixels) return;
    const all = softmax(logits.subarray(i * n, (i + 1) * n));
    const [own, guess] = [data.labels[i], data.predicted[i]];
    paintBytes(large.canvas, pixels, 32, 32);
    largeName.textContent = `Image ${thousands(i)}`;
    bars.set(all);
    [...bars.node.children].forEach((part, k) => part.classList.toggle("ce-truth", k === 3 * own));
    const truth = ["; the true class ", h("b", { class: "ce-truth" }, classes[own]), ` gets ${percent(all[own], 1)}`];
    const rest = own === guess ? [", correct"] : truth;
    verdict.replaceChildren("Predicted: ", h("b", {}, classes[guess]), ` ${percent(all[guess])}`, ...rest);
    large.node.setAttribute("aria-label", `Image ${i}, ${classes[own]}, predicted as ${classes[guess]}`);
  }

  begin();
  return () => {
    unbind();
    close();
  };
}
