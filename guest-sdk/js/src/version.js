// The version of the author's package. `skewless build` puts the one of its `package.json` here.
export const version = "";
