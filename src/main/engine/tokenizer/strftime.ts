const months = 'January February March April May June July August September October November December'.split(' ')
const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const two = (value: number): string => String(value).padStart(2, '0')

/** Local date and time by C's strftime with English names, as templates are written for; unknown directives stay. */
export function strftime(date: Date, format: string): string {
  const hour = date.getHours()
  const fields: Record<string, string> = {
    Y: String(date.getFullYear()),
    y: two(date.getFullYear() % 100),
    m: two(date.getMonth() + 1),
    B: months[date.getMonth()],
    b: months[date.getMonth()].slice(0, 3),
    d: two(date.getDate()),
    e: String(date.getDate()).padStart(2, ' '),
    A: days[date.getDay()],
    a: days[date.getDay()].slice(0, 3),
    H: two(hour),
    I: two(hour % 12 || 12),
    p: hour < 12 ? 'AM' : 'PM',
    M: two(date.getMinutes()),
    S: two(date.getSeconds()),
    F: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    T: `${two(hour)}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
    '%': '%',
  }
  return format.replace(/%([A-Za-z%])/g, (whole, directive: string) => fields[directive] ?? whole)
}
