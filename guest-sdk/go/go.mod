module skewless

go 1.26
