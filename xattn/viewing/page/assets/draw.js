// Drawing of heatmaps through a pen, which draws rect, path and text on a canvas or in an SVG file.

const FONT = 'system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif';
const ruler = document.createElement("canvas").getContext("2d");

class CanvasPen {
  constructor(context) { this.context = context; }
  rect(x, y, w, h, fill) {
    this.context.fillStyle = fill;
    this.context.fillRect(x, y, w, h);
  }
  path(d, { fill, stroke, width = 1, dash = [] }) {
    const path = new Path2D(d), c = this.context;
    if (fill) { c.fillStyle = fill; c.fill(path); }
    if (!stroke) return;
    c.strokeStyle = stroke; c.lineWidth = width; c.lineJoin = "round"; c.lineCap = "round";
    c.setLineDash(dash);
    c.stroke(path);
  }
  text(text, x, y, { fill, size = 12, align = "left", turn = 0, weight = "normal" }) {
    const c = this.context;
    c.save();
    c.translate(x, y);
    c.rotate((turn * Math.PI) / 180);
    c.font = `${weight} ${size}px ${FONT}`;
    c.fillStyle = fill; c.textAlign = align; c.textBaseline = "middle";
    c.fillText(text, 0, 0);
    c.restore();
  }
  moved(x, y, draw) {
    this.context.save();
    this.context.translate(x, y);
    draw(this);
    this.context.restore();
  }
}

class SvgPen {
  parts = [];
  rect(x, y, w, h, fill) { this.parts.push(`<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${fill}"/>`); }
  path(d, { fill = "none", stroke = "none", width = 1, dash = [] }) {
    this.parts.push(`<path d="${d}" fill="${fill}" stroke="${stroke}" stroke-width="${width}" stroke-dasharray="${dash.join(" ") || "none"}"/>`);
  }
  text(text, x, y, { fill, size = 12, align = "left", turn = 0, weight = "normal" }) {
    const safe = text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
    const anchor = { left: "start", center: "middle", right: "end" }[align];
    this.parts.push(`<text x="${x}" y="${y}" transform="rotate(${turn} ${x} ${y})" fill="${fill}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}">${safe}</text>`);
  }
  moved(x, y, draw) {
    this.parts.push(`<g transform="translate(${x} ${y})">`);
    draw(this);
    this.parts.push("</g>");
  }
  file(width, height) {
    const font = FONT.replaceAll('"', "'");
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${font}" stroke-linejoin="round" stroke-linecap="round" dominant-baseline="central"><style>text{unicode-bidi:plaintext}</style>${this.parts.join("")}</svg>\n`;
  }
}

const NUMBERED = 26, TALL = 16; // the least width and height of a cell with room for its value, in pixels
const BAR = 16; // pixels of a scroll bar
const MANY = 16; // up to so many rows and columns every cell has that room

// The order of both scales is visible in grey and to colour-blind readers. 0 has the colour of the background.
const SCALES = {
  light: {
    up: ["#f7fafd", "#d6e6f4", "#abcfe6", "#6aaed6", "#3787c0", "#105ba4", "#08306b"],
    both: ["#7f3b08", "#dc8528", "#f8f8f8", "#4f97cb", "#08306b"],
  },
  dark: {
    up: ["#1d1f2b", "#33286b", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"],
    both: ["#ffc680", "#97540f", "#1d1f2b", "#2468a6", "#a8d8ff"],
  },
};

function scale(stops) {
  const channels = stops.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
    return channels[low].map((value, k) => Math.round(value + (at - low) * (channels[low + 1][k] - value)));
  });
}
// A colour is { bits: for canvas pixels, css, ink: black or white, the one with more contrast (WCAG's luminance) }.
function color(rgb) {
  const [r, g, b] = rgb.map((value) => (value / 255) ** 2.2);
  return { bits: (255 << 24) | (rgb[2] << 16) | (rgb[1] << 8) | rgb[0], css: `rgb(${rgb})`, ink: 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff" };
}
for (const theme of Object.values(SCALES)) for (const name of Object.keys(theme)) theme[name] = scale(theme[name]).map(color);

/** The colour of a shade: 0..1, or -1..1 if it is signed. */
const shade = (theme, at, signed) => SCALES[theme][signed ? "both" : "up"][Math.round(255 * clip(signed ? 0.5 + at / 2 : at, 0, 1))];

const kept = new Map();
/** The result of a costly function of a text, kept for the next time. */
function once(key, make) {
  if (!kept.has(key)) kept.set(key, make());
  return kept.get(key);
}
const measure = (text, size, weight = "normal") => once(`${size} ${weight} ${text}`, () => {
  ruler.font = `${weight} ${size}px ${FONT}`;
  return ruler.measureText(text).width;
});
const fitted = (text, size, most) => once(`${size} < ${most} ${text}`, () => {
  if (measure(text, size) <= most) return text;
  const letters = Array.from(text);
  while (letters.length && measure(letters.join("") + "…", size) > most) letters.pop();
  return letters.join("") + "…";
});

/**
 * The layout of a heatmap for a width of `room`; with `mirror` columns run from right to left. What is wider than
 * `limit` or higher than `tall` is scrolled: `seen` is the part on the screen, which begins at `sx` and `sy`. On `paper` all is fitted.
 */
function layout(m, { room, limit, tall, zoom, mirror, paper, ...said }) {
  const slots = m.C + (m.words ? 1.35 : 0), longest = room < 480 ? 84 : 150, numbers = Math.max(m.R, m.C) <= MANY;
  const widest = (labels) => Math.min(longest, labels.reduce((most, label) => Math.max(most, measure(label, 12)), 0));
  const left = Math.max(widest(m.rows) + 10, 56), up = Math.max(widest([...m.columns, m.words ? "special" : ""]) * Math.SQRT1_2 + 14, 32);
  const across = clip((room - left - Math.min(up, 60)) / slots, paper ? 0.2 : numbers ? NUMBERED : m.C > 60 ? 3 : 14, 40);
  // Rows stay readable: they are not as narrow as columns.
  const w = across * zoom, h = paper ? Math.min(Math.max(across, 14), 760 / Math.max(m.R, 1)) : clip(across, 14, Math.max(640 / m.R, 14)) * zoom;
  const width = Math.ceil(Math.max(left + w * slots + up + 2, Math.min(room, 300)));
  const captions = captioned(said, Math.min(width, Math.max(room, 300))), top = captions.head.length * 17 + 6 + up;
  const foot = top + h * m.R + 12, height = Math.ceil(foot + captions.foot.length * 15 + 4);
  const at = {
    ...captions, left, top, up, w, h, longest, mirror, width, height, footTop: foot, sx: 0, sy: 0,
    seen: { w: Math.min(width, limit - BAR * (height > tall)), h: Math.min(height, tall - BAR * (width > limit)) },
    x: (c) => left - at.sx + w * (c < m.C ? (mirror ? m.C - 1 - c : c) : m.C + 0.35), // the left edge of a column
    y: (row) => top - at.sy + h * row,
  };
  return at;
}

/** A name, a title and notes, broken into lines of at most `most` pixels. */
function captioned({ name, title, notes }, most) {
  const [head, ...foot] = [title, ...notes].map((text, i) => {
    const lines = [""];
    for (const word of text.split(" ")) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (measure(longer, i ? 11 : 12.5, i ? "normal" : "600") <= most - 4 || !lines.at(-1)) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines;
  });
  return { head: name ? [fitted(name, 13, most), ...head] : head, foot: foot.flat() };
}
function captions(pen, at, ink, soft) {
  for (const [i, line] of at.head.entries()) pen.text(line, 2, 9 + 17 * i, { fill: ink, size: 12.5, weight: "600" });
  for (const [i, line] of at.foot.entries()) pen.text(line, 2, at.footTop - (at.sy || 0) + 7 + 15 * i, { fill: soft, size: 11 });
}

/** Draws the part of a heatmap that is seen, with its labels, links and gold. */
function heatmap(pen, m, at, { theme, ink, soft, card, sentence, overlay }) {
  const { w, h, left, top, up, seen, x, y } = at, gap = Math.min(w, h) > 9 ? 1 : 0, zero = shade(theme, 0, m.signed);
  const marked = overlay && !m.signed, found = marked ? links(sentence, m) : [];
  const columns = Array.from({ length: m.C + m.words }, (_, c) => c).filter((c) => x(c) + w > left && x(c) < seen.w);
  const inside = (row) => y(row) + h > top && y(row) < seen.h;
  const ends = [Math.max(Math.min(...columns.map(x)), left), Math.max(...columns.map(x)) + w];
  for (let row = 0; row < m.R; row++) {
    if (!inside(row)) continue;
    if (m.silent[row]) {
      for (let line = ends[0]; line + 4 < ends[1]; line += 8) pen.path(`M${line} ${y(row) + h - 2}L${Math.min(line + h - 4, ends[1])} ${y(row) + 2}`, { stroke: soft, width: 0.7 });
      continue;
    }
    if (!gap) pen.rect(ends[0], y(row), Math.min(left + w * m.C - at.sx, ends[1]) - ends[0], h, zero.css);
    for (const c of columns) {
      const value = valueAt(m, row, c), at = share(m, value, row), color = shade(theme, at, m.signed);
      if (gap || color !== zero || c === m.C) pen.rect(x(c), y(row), w - gap, h - gap, color.css);
      if (w >= NUMBERED && h >= TALL && Math.abs(value) >= 0.005 * DATA.most) {
        const sign = m.signed ? (value > 0 ? "+" : "−") : "";
        const lift = found[row] === c ? 0.34 : 0.49;
        pen.text(sign + Math.abs((100 * value) / DATA.most).toFixed(0), x(c) + w / 2 - 0.5, y(row) + h * lift, { fill: color.ink, size: Math.min(11, w / 2.6, h / 2.2), align: "center" });
      }
    }
  }
  if (marked) marks(pen, m, at, theme, sentence, found, columns, inside);
  if (at.sx || at.sy) { // what is scrolled away
    pen.rect(0, 0, seen.w, top, card);
    pen.rect(0, 0, left - 1, Math.min(seen.h, y(m.R)), card);
  }
  captions(pen, at, ink, soft);
  const size = (side) => (side < 17 ? 10 : 12), every = (side) => Math.max(1, Math.ceil(12 / side)); // every how many a label fits
  for (const c of columns)
    if (x(c) >= left - 1 && (c === m.C || c % every(w) === 0))
      pen.text(c < m.C ? fitted(m.columns[c], size(w), at.longest) : "special", x(c) + w / 2 + 2, top - 7, { fill: c < m.C ? ink : soft, turn: -45, size: size(w) });
  for (let row = 0; row < m.R; row += every(h))
    if (inside(row) && y(row) >= top - 1) pen.text(fitted(m.rows[row], size(h), at.longest), left - 7, y(row) + h / 2, { fill: ink, align: "right", size: size(h) });
  pen.text(at.mirror ? "← source" : "source →", left - 7, top - up + 6, { fill: soft, size: 10, align: "right" });
  pen.text("target ↓", left - 7, top - 8, { fill: soft, size: 10, align: "right" });
}

const MARKS = {
  light: { right: "#00795a", wrong: "#c43c00", gold: "#b35900" },
  dark: { right: "#4fe0b0", wrong: "#ff8a5c", gold: "#ffb454" },
};

const disc = (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
const cross = (x, y, r) => `M${x - r} ${y - r}l${2 * r} ${2 * r}M${x + r} ${y - r}l${-2 * r} ${2 * r}`;

/** Draws gold links as outlines, sure solid and possible dashed; right links as discs and wrong links as crosses. */
function marks(pen, m, { x, y, w, h }, theme, sentence, found, columns, inside) {
  const side = Math.min(w, h), colors = MARKS[theme], halo = theme === "dark" ? "#14151c" : "#ffffff", numbered = w >= NUMBERED && h >= TALL;
  if (sentence.gold)
    for (let row = 0; row < m.R; row++)
      for (const c of inside(row) ? columns : []) {
        const gold = goldAt(sentence, m, row, c);
        if (!gold) continue;
        const inset = side < NUMBERED ? Math.min(2.5, side / 6) : 1, wide = w - 2 * inset - 1, high = h - 2 * inset - 1;
        const d = `M${x(c) + inset} ${y(row) + inset}h${wide}v${high}h${-wide}z`;
        pen.path(d, { stroke: halo, width: 3 });
        pen.path(d, { stroke: colors.gold, width: 1.8, dash: gold === "sure" ? [] : [3, 4] });
      }
  found.forEach((column, row) => {
    if (column < 0 || !inside(row) || !columns.includes(column)) return;
    const r = Math.max(numbered ? side / 9 : side / 5, 1);
    const middle = x(column) + (w - 1) / 2, down = y(row) + h * (numbered ? 0.74 : 0.48);
    const right = !sentence.gold || goldAt(sentence, m, row, column);
    const d = (right ? disc : cross)(middle, down, r);
    if (!sentence.gold) pen.path(d, { fill: shade(theme, share(m, m.values[row * m.C + column], row)).ink });
    else if (right) pen.path(d, { fill: colors.right, stroke: halo, width: 1.5 });
    else {
      pen.path(d, { stroke: halo, width: 5 });
      pen.path(d, { stroke: colors.wrong, width: 2.5 });
    }
  });
}

/** Draws a matrix in at most `most` pixels each way; a pixel has the strongest shade of its cells. */
function thumbnail(canvas, m, theme, mirror, most) {
  const W = clip(m.C, 1, most), H = clip(m.R, 1, most), shades = new Float64Array(W * H);
  for (let row = 0; row < m.R; row++)
    for (let c = 0; c < m.C; c++) {
      const at = share(m, m.values[row * m.C + c], row), across = Math.floor(((mirror ? m.C - 1 - c : c) * W) / m.C);
      const pixel = Math.floor((row * H) / m.R) * W + across;
      if (Math.abs(at) > Math.abs(shades[pixel])) shades[pixel] = at;
    }
  Object.assign(canvas, { width: W, height: H });
  const context = canvas.getContext("2d"), image = context.createImageData(W, H), pixels = new Uint32Array(image.data.buffer);
  shades.forEach((at, i) => { pixels[i] = shade(theme, at, m.signed).bits; });
  context.putImageData(image, 0, 0);
}
