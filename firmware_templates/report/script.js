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

    /* On a memory map: the byte under the pointer, and the tensor in it. */
    var map = chart.querySelector("svg[data-bytes]");
    function tell(event) {
      var box = map.getBoundingClientRect();
      var across = (event.clientX - box.left) / box.width;
      var up = (box.bottom - event.clientY) / box.height;
      var bytes = Number(map.getAttribute("data-bytes"));
      var positions = Number(map.getAttribute("data-positions"));
      /* a block of few bytes is drawn larger than it is */
      var from = Number(event.target.getAttribute("data-from") || 0);
      var to = Number(event.target.getAttribute("data-to") || bytes);
      var byte = Math.min(Math.max(Math.floor(up * bytes), from), to - 1);
      var node = Math.min(Math.max(Math.floor(across * positions), 0), positions - 1);
      var text = event.target.getAttribute("data-detail");
      line.textContent = "Byte " + byte.toLocaleString("en") + ", node " + node + ": " + (text || "free");
    }
    if (map) { map.addEventListener("pointermove", tell); }

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
