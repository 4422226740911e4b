// Before the first paint: a page that was told to be dark does not flash.
const theme = localStorage.getItem('headgate.theme')
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
