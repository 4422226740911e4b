/** The gate at the head of a canal. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path class="mark-posts" d="M5 4h4v24H5zM23 4h4v24h-4z" />
      <path class="mark-gate" d="M10 4h12v11H10z" />
      <path class="mark-water" d="M10 21c2-2 4-2 6 0s4 2 6 0v7H10z" />
    </svg>
  )
}
