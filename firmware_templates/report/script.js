/* Charts: the mark under the pointer or the focus is told of in the line below; arrow keys move. */
(function () {
  "use strict";
  document.querySelectorAll("[data-chart]").forEach(function (chart) {
    var line = chart.querySelector("[data-detail-line]");
    var marks = Array.prototype.slice.call(chart.querySelectorAll("[data-detail]"));
    var steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

    function show(mark) {
      marks.forEach(function (other) {
        other.classList.toggle("shown", other === mark);
      });
      line.textContent = mark.getAttribute("data-detail");
    }

    function move(from, to) {
      from.setAttribute("tabindex", "-1");
      to.setAttribute("tabindex", "0");
      to.focus();
    }

    marks.forEach(function (mark, index) {
      mark.addEventListener("pointerenter", function () { show(mark); });
      mark.addEventListener("focus", function () { show(mark); });
      mark.addEventListener("click", function () { show(mark); });
      mark.addEventListener("keydown", function (event) {
        var next = marks[index + (steps[event.key] || 0)];
        if (event.key === "Home") { next = marks[0]; }
        if (event.key === "End") { next = marks[marks.length - 1]; }
        if (next && next !== mark) {
          event.preventDefault();
          move(mark, next);
        }
      });
    });
  });
})();
