// Package generate reads a transform and writes the main package that makes a component of it.
//
// A folder with a Go package enters; Go source leaves, or the mistakes that its author sees, each with file and line.
// Only syntax is read, so the compiler has the last word about types; what is known to be no type of the contract is
// refused here with the one to write instead.
package generate

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

const directive = "//skewless:transform"

// Main returns the source of a main package for the transform in a folder, whose package has that import path.
func Main(folder, importPath string) ([]byte, error) {
	source, err := read(folder)
	if err != nil {
		return nil, err
	}
	function, err := source.transform()
	if err != nil {
		return nil, err
	}
	transform, err := source.describe(function)
	if err != nil {
		return nil, err
	}
	return transform.write(importPath)
}

// source is a parsed package.
type source struct {
	name   string
	files  *token.FileSet
	parsed []*ast.File
}

func read(folder string) (*source, error) {
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "wasip1", "wasm", false
	found, err := context.ImportDir(folder, 0)
	if len(found.GoFiles) == 0 && len(found.IgnoredGoFiles) > 0 {
		return nil, fmt.Errorf("no Go file can be compiled for wasip1 without cgo; left out: %s",
			strings.Join(found.IgnoredGoFiles, ", "))
	}
	if err != nil {
		return nil, err
	}
	source := &source{name: found.Name, files: token.NewFileSet()}
	for _, name := range found.GoFiles {
		file, err := parser.ParseFile(source.files, filepath.Join(folder, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		source.parsed = append(source.parsed, file)
	}
	return source, nil
}

// transform is the one function with the directive.
func (s *source) transform() (*ast.FuncDecl, error) {
	var transforms []*ast.FuncDecl
	for _, file := range s.parsed {
		inDocumentation := map[*ast.Comment]bool{}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Doc == nil {
				continue
			}
			for _, comment := range function.Doc.List {
				if isDirective(comment.Text) {
					inDocumentation[comment] = true
					transforms = append(transforms, function)
				}
			}
		}
		for _, group := range file.Comments {
			for _, comment := range group.List {
				if isDirective(comment.Text) && !inDocumentation[comment] {
					return nil, s.mistake(comment, "`%s` belongs directly above a function", directive)
				}
			}
		}
	}
	switch {
	case len(transforms) == 0:
		return nil, fmt.Errorf("no function of package %s has the line `%s` above it: write it above the transform's", s.name, directive)
	case len(transforms) > 1:
		return nil, s.mistake(transforms[1], "a package holds one transform, and `%s` is one too: give each a folder",
			transforms[0].Name.Name)
	}
	return transforms[0], s.checkFunction(transforms[0])
}

func isDirective(comment string) bool {
	rest, found := strings.CutPrefix(comment, directive)
	return found && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

func (s *source) checkFunction(function *ast.FuncDecl) error {
	switch {
	case s.name == "main":
		return s.mistake(function, "package main can't be called: give the package another name")
	case function.Recv != nil:
		return s.mistake(function, "a transform is a function, not a method")
	case function.Type.TypeParams != nil:
		return s.mistake(function, "a transform can't be generic: each input and output has one type")
	case !function.Name.IsExported():
		return s.mistake(function, "`%s` isn't exported: begin its name with a capital letter", function.Name.Name)
	}
	return nil
}

// mistake is an error with the place of a node.
func (s *source) mistake(node ast.Node, format string, values ...any) error {
	place := s.files.Position(node.Pos())
	return fmt.Errorf("%s:%d:%d: %s", place.Filename, place.Line, place.Column, fmt.Sprintf(format, values...))
}
