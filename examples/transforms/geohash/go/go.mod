module transforms/geohash

go 1.26

require skewless v0.1.0

replace skewless => ../../../../guest-sdk/go
