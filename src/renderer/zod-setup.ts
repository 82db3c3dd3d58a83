import { config } from 'zod'

// The content security policy forbids eval, which zod would otherwise try for speed.
config({ jitless: true })
