// Before anything is drawn: the colours that were chosen last. Without a choice the system decides.
"use strict";
(function () {
  try {
    const theme = localStorage.getItem("aas2rto-theme");
    if (theme) document.documentElement.dataset.theme = theme;
  } catch (error) { /* no storage: the system decides */ }
})();
