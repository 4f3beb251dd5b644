// Draw charts near the window at once and the others when the browser is idle; redraw all of them
// when the color scheme changes.
(() => {
  const charts = [...document.querySelectorAll(".chart")];
  if (!charts.length) return;

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const finger = matchMedia("(pointer: coarse)");
  const CONFIG = {
    displaylogo: false, responsive: true, displayModeBar: "hover",
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  };

  // Replace the names of custom properties by their colors.
  const coloured = (value, style) => {
    if (typeof value === "string") return value.startsWith("--") ? style.getPropertyValue(value).trim() : value;
    if (Array.isArray(value)) return value.map((one) => coloured(one, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, coloured(one, style)]));
  };

  const AXIS = {
    gridcolor: "--rule", zeroline: false, linecolor: "--rule", showline: true,
    automargin: true, fixedrange: false,
  };

  const draw = (chart) => {
    const style = getComputedStyle(document.documentElement);
    const { data, layout } = JSON.parse(chart.querySelector("script").textContent);
    const whole = {
      margin: { l: 12, r: 16, t: 28, b: 12 },
      paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12.5, color: "--muted" },
      hoverlabel: { bgcolor: "--ink", bordercolor: "--ink", font: { color: "--ground" }, align: "left" },
      modebar: { bgcolor: "transparent", color: "--muted", activecolor: "--ink" },
      hovermode: "closest", showlegend: false, dragmode: finger.matches ? false : "zoom",
      ...layout,
      xaxis: { ...AXIS, ...layout.xaxis }, yaxis: { ...AXIS, ...layout.yaxis },
    };
    chart.classList.add("drawn");
    return Plotly.react(chart.querySelector(".plot"), coloured(data, style), coloured(whole, style), CONFIG);
  };

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "300px" });
  for (const chart of charts) near.observe(chart);

  const waiting = () => charts.filter((chart) => !chart.matches(".drawn"));
  const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
  const drawRest = () => {
    const [next] = waiting().filter((chart) => chart.checkVisibility?.() ?? true);
    if (!next) return;
    draw(next);
    whenIdle(drawRest);
  };
  addEventListener("load", () => whenIdle(drawRest));

  for (const scheme of [dark, matchMedia("print")]) {
    scheme.addEventListener("change", () => charts.filter((chart) => chart.matches(".drawn")).forEach(draw));
  }
  addEventListener("beforeprint", () => waiting().forEach(draw));
})();
