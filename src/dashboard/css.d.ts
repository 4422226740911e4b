/** Vite puts what is imported so into the page's own style sheet. */
declare module '*.css'
