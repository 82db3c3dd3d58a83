/** Where the platform keeps an application's data: Moru's profile unless another is named. Absolute, with the platform's separators. */
export function defaultProfileDirectory(
  platform: string,
  env: Record<string, string | undefined>,
  home: string,
): string {
  if (platform === 'win32') return `${env.APPDATA ?? `${home}\\AppData\\Roaming`}\\Moru`
  if (platform === 'darwin') return `${home}/Library/Application Support/Moru`
  // The XDG specification tells programs to ignore relative paths here.
  const data = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : `${home}/.local/share`
  return `${data}/moru`
}
