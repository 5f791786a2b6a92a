// Before anything is drawn: the colours and columns that were chosen last. Without a choice the system decides.
"use strict";
(function () {
  try {
    const theme = localStorage.getItem("aas2rto-theme");
    if (theme) document.documentElement.dataset.theme = theme;
    const hide = localStorage.getItem("aas2rto-hide");
    if (hide) document.documentElement.dataset.hide = hide;
  } catch (error) { /* no storage: the system decides */ }
})();
