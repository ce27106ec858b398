package glue

import (
	"runtime"
	"strconv"
	"strings"
)

// describePanic says what an author's panic was, and where: the place nearest to it in the author's own package.
func describePanic(panicked any, author string) string {
	message := "panic"
	if place := placeOfPanic(author); place != "" {
		message += " at " + place
	}
	return message + ": " + panicText(panicked)
}

func panicText(panicked any) string {
	switch value := panicked.(type) {
	case error:
		return value.Error()
	case string:
		return value
	case interface{ String() string }:
		return value.String()
	case int:
		return strconv.Itoa(value)
	}
	return "a value that is no text: panic with a string or an error to have it said here"
}

// placeOfPanic is a file and line of the package, without the folders in front of the package's.
func placeOfPanic(author string) string {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers[:])])
	panicking := false
	for {
		frame, more := frames.Next()
		// What comes before is this function, and what was deferred.
		panicking = panicking || frame.Function == "runtime.gopanic"
		if panicking && strings.HasPrefix(frame.Function, author+".") {
			file := frame.File[strings.LastIndexByte(frame.File, '/')+1:]
			return file + ":" + strconv.Itoa(frame.Line)
		}
		if !more {
			return ""
		}
	}
}
