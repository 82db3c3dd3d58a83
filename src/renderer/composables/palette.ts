import { ref } from 'vue'

const open = ref(false)

/** Whether the command palette is open; one for the window. */
export const usePalette = () => ({ open })
