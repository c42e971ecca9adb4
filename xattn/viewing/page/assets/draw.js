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

const NUMBERED = 26; // pixels of a cell with room for its value

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

/** The colour of a value: 0..1 of `most`, or -1..1 of `most` if it is signed. */
function shade(theme, value, most, signed) {
  const at = signed ? 0.5 + value / most / 2 : value / most;
  return SCALES[theme][signed ? "both" : "up"][Math.round(255 * Math.min(Math.max(at, 0), 1))];
}

function measure(text, size, weight = "normal") {
  ruler.font = `${weight} ${size}px ${FONT}`;
  return ruler.measureText(text).width;
}
function fitted(text, size, most) {
  if (measure(text, size) <= most) return text;
  const letters = Array.from(text);
  while (letters.length && measure(letters.join("") + "…", size) > most) letters.pop();
  return letters.join("") + "…";
}

/** The layout of a heatmap in a width of `room`; with `mirror` columns run from right to left. */
function layout(m, { room, zoom, mirror, ...said }) {
  const slots = m.C + (m.words ? 1.35 : 0), longest = room < 480 ? 84 : 150;
  const widest = (labels) => Math.min(longest, labels.reduce((most, label) => Math.max(most, measure(label, 12)), 0));
  const left = widest(m.rows) + 10, up = widest([...m.columns, m.words ? "special" : ""]) * Math.SQRT1_2 + 14;
  const lean = Math.min(up, 60);
  const fit = (room - left - lean) / slots;
  const cell = Math.max(4, Math.min(Math.max(fit, m.C > 60 ? 4 : 14), 40) * zoom), size = cell < 17 ? 10 : 12;
  const width = Math.ceil(Math.max(left + cell * slots + up + 2, Math.min(room, 300)));
  const captions = captioned(said, width), top = captions.head.length * 17 + 6 + up;
  const foot = top + cell * m.R + 12;
  return {
    ...captions, left, top, cell, longest, size, mirror, width, footTop: foot,
    height: Math.ceil(foot + captions.foot.length * 15 + 4),
    x: (column) => left + cell * (mirror ? m.C - 1 - column : column), // the left edge of a column
    special: left + cell * (m.C + 0.35),
    every: Math.max(1, Math.ceil(11 / cell)), // every how many rows or columns a label fits
  };
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
  for (const [i, line] of at.foot.entries()) pen.text(line, 2, at.footTop + 7 + 15 * i, { fill: soft, size: 11 });
}

/** Draws a heatmap with its labels, links and gold. */
function heatmap(pen, m, at, { theme, ink, soft, most, sentence, overlay }) {
  const { cell, left, top } = at, gap = cell > 9 ? 1 : 0, zero = shade(theme, 0, most, m.signed);
  const marked = overlay && !m.signed, found = marked ? links(sentence, m) : [];
  captions(pen, at, ink, soft);
  for (let c = 0; c < m.C; c += at.every)
    pen.text(fitted(m.columns[c], at.size, at.longest), at.x(c) + cell / 2 + 2, top - 7, { fill: ink, turn: -45, size: at.size });
  if (m.words) pen.text("special", at.special + cell / 2 + 2, top - 7, { fill: soft, turn: -45, size: at.size });
  for (let row = 0; row < m.R; row++) {
    const y = top + cell * row;
    if (row % at.every === 0)
      pen.text(fitted(m.rows[row], at.size, at.longest), left - 7, y + cell / 2, { fill: ink, align: "right", size: at.size });
    if (m.silent[row]) {
      const right = m.words ? at.special + cell : left + cell * m.C;
      for (let x = left; x + 4 < right; x += 8) pen.path(`M${x} ${y + cell - 2}L${Math.min(x + cell - 4, right)} ${y + 2}`, { stroke: soft, width: 0.7 });
      continue;
    }
    for (let c = 0; c < m.C + (m.words ? 1 : 0); c++) {
      const value = c < m.C ? m.values[row * m.C + c] : m.special[row], x = c < m.C ? at.x(c) : at.special;
      const color = shade(theme, value, most, m.signed);
      if (c === 0 && !gap) pen.rect(left, y, cell * m.C, cell, zero.css);
      if (gap || color !== zero || c === m.C) pen.rect(x, y, cell - gap, cell - gap, color.css);
      if (cell >= NUMBERED && Math.abs(value) >= 0.005 * most) {
        const sign = m.signed ? (value > 0 ? "+" : "−") : "";
        const high = found[row] === c ? 0.34 : 0.49;
        pen.text(sign + Math.abs((100 * value) / most).toFixed(0), x + cell / 2 - 0.5, y + cell * high, { fill: color.ink, size: Math.min(11, cell / 2.8), align: "center" });
      }
    }
  }
  if (marked) marks(pen, m, at, theme, sentence, most, found);
}

const MARKS = {
  light: { right: "#00795a", wrong: "#c43c00", gold: "#b35900" },
  dark: { right: "#4fe0b0", wrong: "#ff8a5c", gold: "#ffb454" },
};

/** Draws gold links as outlines, sure solid and possible dashed; right links as discs and wrong links as crosses. */
function marks(pen, m, at, theme, sentence, most, found) {
  const { cell } = at, colors = MARKS[theme], halo = theme === "dark" ? "#14151c" : "#ffffff";
  if (sentence.gold)
    for (let row = 0; row < m.R; row++)
      for (let c = 0; c < m.C; c++) {
        const gold = goldAt(sentence, m, row, c);
        if (!gold) continue;
        const inset = cell < NUMBERED ? Math.min(2.5, cell / 6) : 1, side = cell - 2 * inset - 1;
        const d = `M${at.x(c) + inset} ${at.top + cell * row + inset}h${side}v${side}h${-side}z`;
        pen.path(d, { stroke: halo, width: 3 });
        pen.path(d, { stroke: colors.gold, width: 1.8, dash: gold === "sure" ? [] : [3, 4] });
      }
  found.forEach((column, row) => {
    if (column < 0) return;
    const numbered = cell >= NUMBERED, r = numbered ? cell / 9 : cell / 5;
    const x = at.x(column) + (cell - 1) / 2, y = at.top + cell * row + cell * (numbered ? 0.71 : 0.48);
    const right = !sentence.gold || goldAt(sentence, m, row, column);
    const disc = `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
    const cross = `M${x - r} ${y - r}l${2 * r} ${2 * r}M${x + r} ${y - r}l${-2 * r} ${2 * r}`;
    if (!sentence.gold) pen.path(disc, { fill: shade(theme, m.values[row * m.C + column], most).ink });
    else if (right) pen.path(disc, { fill: colors.right, stroke: halo, width: 1.5 });
    else {
      pen.path(cross, { stroke: halo, width: 5 });
      pen.path(cross, { stroke: colors.wrong, width: 2.5 });
    }
  });
}

/** Draws a matrix with one pixel per cell. */
function thumbnail(canvas, m, theme, most) {
  canvas.width = Math.max(m.C, 1);
  canvas.height = Math.max(m.R, 1);
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer), colors = SCALES[theme].up, { values } = m;
  for (let i = 0; i < m.R * m.C; i++) pixels[i] = colors[Math.min(Math.round((255 * values[i]) / most), 255)].bits;
  context.putImageData(image, 0, 0);
}
