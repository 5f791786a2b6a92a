// The light curve with zoom, bands, limits, model, and two choices of each axis. Without scripts, or where
// the numbers cannot be fetched, the drawing that stands in the page stays.
"use strict";
(function () {
  const number = (one) => (one === null || one === undefined ? null : one);
  const css = (node, name) => getComputedStyle(node).getPropertyValue(name).trim();

  function colour(box, name) {
    const probe = document.createElement("span");
    probe.className = name;
    box.append(probe);
    const found = css(probe, "--b");
    probe.remove();
    return found;
  }

  function control(box, kind, words, checked, group) {
    const label = document.createElement("label"), input = document.createElement("input");
    label.className = "check";
    input.type = kind;
    input.checked = checked;
    if (group) input.name = group;
    label.append(input, " " + words);
    box.append(label);
    return input;
  }
  function push(box, words, does, title) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    if (title) button.setAttribute("aria-label", title);
    button.addEventListener("click", does);
    box.append(button);
  }

  // One table of columns for all series: days, then for each band its points, limits and model.
  function columns(data, from, unit, isTotal) {
    const tables = [], series = [], err = unit === "mag" ? "magerr" : "flux_err";
    const shift = from === "peak" ? data.now_mjd - data.peak.mjd : 0;
    function add(days, values, more) {
      const order = days.map((_, at) => at).filter((at) => days[at] !== null).sort((a, b) => days[a] - days[b]);
      tables.push([order.map((at) => days[at] + shift), order.map((at) => number(values[at]))]);
      series.push(Object.assign({ errors: more.errors ? order.map((at) => [days[at] + shift, number(values[at]), more.errors[at]]) : null }, more, { at: order }));
    }
    for (const one of isTotal ? data.total : data.bands) {
      for (const kind of ["history", "point", "suspect", "limit"]) {
        const rows = one.kind.map((k, at) => (k === kind ? at : -1)).filter((at) => at >= 0);
        if (!rows.length) continue;
        const pick = (name) => rows.map((at) => one[name][at]);
        add(pick("days"), pick(unit), { band: one.band, cls: one.class, kind, errors: kind === "limit" ? null : pick(err) });
      }
    }
    if (!isTotal) for (const one of data.model) add(one.days, one[unit], { band: one.band, cls: one.class, kind: "model" });
    return { tables, series };
  }

  function chart(figure, data) {
    const still = figure.querySelector("svg"), holder = document.createElement("div"), tools = document.createElement("div");
    holder.className = "chart";
    holder.setAttribute("role", "img");
    holder.setAttribute("aria-label", still.getAttribute("aria-label"));
    tools.className = "curve-tools";
    tools.setAttribute("role", "group");
    tools.setAttribute("aria-label", "Light curve");
    const state = { from: "now", unit: "mag", limits: true, model: data.model.length > 0, total: false, hidden: new Set(), plot: null };
    still.replaceWith(holder);
    figure.prepend(tools);

    function scale() {
      const shift = state.from === "peak" ? data.now_mjd - data.peak.mjd : 0;
      const first = state.total ? Math.min(data.axis.days[0], ...data.total.flatMap((one) => one.days)) : data.axis.days[0];
      return [first + shift, data.axis.days[1] + shift];
    }
    function draw(keep) {
      const told = columns(data, state.from, state.unit, state.total);
      const kept = keep && state.plot ? { min: state.plot.scales.x.min, max: state.plot.scales.x.max } : null;
      const ink = css(figure, "--ink"), line = css(figure, "--line"), now = css(figure, "--now"), faint = css(figure, "--faint");
      const seen = (one) => !state.hidden.has(one.band) && (state.limits || one.kind !== "limit") && (state.model || one.kind !== "model");
      const width = Math.min(figure.clientWidth, 900), height = Math.round(Math.max(260, Math.min(380, width * 0.6)));
      const data_ = told.tables.length ? uPlot.join(told.tables) : [[0], [null]];
      const series = [{}];
      told.series.forEach((one) => {
        const paint = colour(figure, one.cls), isLine = one.kind === "model";
        series.push({
          label: one.band, show: seen(one), spanGaps: true, stroke: paint, width: isLine ? 1.6 : 0,
          paths: isLine ? uPlot.paths.linear() : () => null,
          points: { show: false }, dash: isLine && document.documentElement.dataset.theme === "red" && one.cls === "b-r" ? [7, 3] : undefined,
        });
      });
      const axes = [0, 1].map(() => ({ stroke: ink, grid: { stroke: line, width: 0.7 }, ticks: { stroke: line }, font: "12px system-ui, sans-serif" }));
      axes[0].label = state.from === "peak" ? "days from the peak" : "days from now";
      axes[1].label = (state.total ? "total " : "") + (state.unit === "mag" ? "magnitude (AB)" : "flux [uJy]");
      axes.forEach((one) => { one.labelFont = one.font; one.labelSize = 16; one.labelGap = 0; });
      axes[0].size = 34;
      axes[1].size = 50;
      function inside(plot) {
        const at = plot.ctx, box = plot.bbox;
        at.save();
        at.beginPath();
        at.rect(box.left, box.top, box.width, box.height);
        at.clip();
        return at;
      }
      // The model's 68 %: where its faint edge has no magnitude, down to the axis.
      function edges(plot) {
        if (!state.model || state.total) return;
        const at = inside(plot), shift = state.from === "peak" ? data.now_mjd - data.peak.mjd : 0;
        for (const one of data.model) {
          if (state.hidden.has(one.band)) continue;
          const [faint, bright] = state.unit === "mag" ? [one.mag_faint, one.mag_bright] : [one.flux_low, one.flux_high];
          const rows = one.days.map((_, row) => row).filter((row) => bright[row] !== null && (one.flux_low[row] !== null));
          const point = (row, value) => [plot.valToPos(one.days[row] + shift, "x", true), value === null ? plot.bbox.top + plot.bbox.height : plot.valToPos(value, "y", true)];
          const around = rows.map((row) => point(row, bright[row])).concat(rows.slice().reverse().map((row) => point(row, faint[row])));
          at.globalAlpha = 0.2; at.fillStyle = colour(figure, one.class);
          at.beginPath();
          around.forEach(([x, y], step) => (step ? at.lineTo(x, y) : at.moveTo(x, y)));
          at.fill();
        }
        at.restore();
      }
      function marks(plot) {
        const at = inside(plot), box = plot.bbox, ratio = devicePixelRatio;
        const shift = state.from === "peak" ? data.now_mjd - data.peak.mjd : 0;
        const down = (day, paint, dash) => {
          const x = plot.valToPos(day, "x", true);
          at.strokeStyle = paint; at.lineWidth = 1.5 * ratio; at.setLineDash(dash.map((one) => one * ratio));
          at.beginPath(); at.moveTo(x, box.top); at.lineTo(x, box.top + box.height); at.stroke(); at.setLineDash([]);
        };
        if (data.peak) {
          const day = data.peak.mjd - data.now_mjd + shift;
          if (data.peak.err) {
            const a = plot.valToPos(day - data.peak.err, "x", true), b = plot.valToPos(day + data.peak.err, "x", true);
            at.globalAlpha = 0.18; at.fillStyle = faint; at.fillRect(a, box.top, b - a, box.height); at.globalAlpha = 1;
          }
          down(day, faint, [6, 3]);
        }
        down(shift, now, []);
        told.series.forEach((one, index) => {
          if (!plot.series[index + 1].show || one.kind === "model") return;
          const paint = colour(figure, one.cls), hollow = one.kind !== "point" || (document.documentElement.dataset.theme === "red" && one.cls === "b-r");
          at.strokeStyle = at.fillStyle = paint; at.lineWidth = 1.2 * ratio;
          const xs = told.tables[index][0], ys = told.tables[index][1];
          xs.forEach((day, row) => {
            if (ys[row] === null) return;
            const x = plot.valToPos(day, "x", true), y = plot.valToPos(ys[row], "y", true), r = 3.5 * ratio;
            at.beginPath();
            if (one.kind === "limit") { at.moveTo(x - r, y); at.lineTo(x + r, y); at.lineTo(x, y + 1.5 * r); at.closePath(); at.stroke(); return; }
            const error = one.errors && one.errors[row][2];
            if (error) { at.moveTo(x, plot.valToPos(ys[row] - error, "y", true)); at.lineTo(x, plot.valToPos(ys[row] + error, "y", true)); at.stroke(); at.beginPath(); }
            at.arc(x, y, r, 0, 2 * Math.PI);
            if (hollow) at.stroke(); else at.fill();
          });
        });
        at.restore();
      }
      if (state.plot) state.plot.destroy();
      // What is seen decides, not the model's edges, which fall without end; the whole has the drawing's own axis.
      const yRange = (plot, low, high) => {
        const [first, last] = scale(), isMag = state.unit === "mag" && !state.total;
        const min = plot.scales.x.min ?? first, max = plot.scales.x.max ?? last;
        if (isMag && Math.abs(min - first) < 1e-6 && Math.abs(max - last) < 1e-6) return data.axis.mag;
        const values = [];
        told.series.forEach((one, at) => {
          if (!seen(one)) return;
          told.tables[at][0].forEach((day, row) => { if (day >= min && day <= max && told.tables[at][1][row] !== null) values.push(told.tables[at][1][row]); });
        });
        if (!values.length) return isMag ? data.axis.mag : [low || 0, high || 1];
        // Of an apparent light curve no axis was drawn before; its magnitudes are what is seen.
        const least = Math.min(...values), most = isMag ? Math.min(Math.max(...values), data.axis.mag[1]) : Math.max(...values);
        const pad = Math.max(0.08 * Math.abs(most - least), state.unit === "mag" ? 0.1 : 1);
        return [least - pad, Math.max(most, least) + pad];
      };
      const [first, last] = kept ? [kept.min, kept.max] : scale();
      state.plot = new uPlot({
        width, height, series, axes, legend: { show: false },
        scales: { x: { time: false, min: first, max: last }, y: { dir: state.unit === "mag" ? -1 : 1, range: yRange } },
        cursor: { drag: { x: true, y: false }, points: { show: false } },
        hooks: { drawAxes: [edges], draw: [marks] },
      }, data_, holder);
      state.plot.setScale("x", { min: first, max: last });
    }
    function zoom(by) {
      const { min, max } = state.plot.scales.x, middle = (min + max) / 2, half = ((max - min) / 2) * by;
      state.plot.setScale("x", { min: middle - half, max: middle + half });
    }
    function move(by) {
      const { min, max } = state.plot.scales.x, step = (max - min) * by;
      state.plot.setScale("x", { min: min + step, max: max + step });
    }
    for (const band of new Set([...data.bands, ...data.total].map((one) => one.band))) {
      control(tools, "checkbox", band.slice(0, 20), true).addEventListener("change", (event) => {
        if (event.target.checked) state.hidden.delete(band); else state.hidden.add(band);
        draw(true);
      });
    }
    const has = (kind) => data.bands.some((one) => one.kind.includes(kind));
    if (has("limit")) control(tools, "checkbox", "limits", true).addEventListener("change", (event) => { state.limits = event.target.checked; draw(true); });
    if (data.model.length) control(tools, "checkbox", "model", true).addEventListener("change", (event) => { state.model = event.target.checked; draw(true); });
    if (data.peak) control(tools, "checkbox", "days from peak", false).addEventListener("change", (event) => { state.from = event.target.checked ? "peak" : "now"; draw(false); });
    if (data.total.length) control(tools, "checkbox", "apparent", false).addEventListener("change", (event) => { state.total = event.target.checked; draw(false); });
    control(tools, "checkbox", "flux", false).addEventListener("change", (event) => { state.unit = event.target.checked ? "flux" : "mag"; draw(true); });
    push(tools, "+", () => zoom(0.6), "Zoom in");
    push(tools, "−", () => zoom(1 / 0.6), "Zoom out");
    push(tools, "←", () => move(-0.25), "Earlier");
    push(tools, "→", () => move(0.25), "Later");
    push(tools, "Whole", () => draw(false), "Show the whole light curve");
    draw(false);
    let waiting = null;
    // A page that was brought up to date has a chart of its own: this one then listens no more.
    const themes = new MutationObserver(() => again());
    function again() {
      clearTimeout(waiting);
      if (figure.isConnected) { waiting = setTimeout(() => draw(true), 200); return; }
      window.removeEventListener("resize", again);
      themes.disconnect();
      state.plot.destroy();
    }
    window.addEventListener("resize", again);
    themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  }

  async function start() {
    for (const figure of document.querySelectorAll("figure[data-curve]")) {
      const from = figure.dataset.curve;
      figure.removeAttribute("data-curve");
      if (!window.uPlot || !from) continue;
      try {
        const answer = await fetch(from);
        if (answer.ok) chart(figure, await answer.json());
      } catch (error) { /* the drawing stays */ }
    }
  }
  document.addEventListener("aas2rto-fresh", start);
  start();
})();
