module transforms/json_field

go 1.26

require skewless v0.1.0

replace skewless => ../../../../guest-sdk/go
