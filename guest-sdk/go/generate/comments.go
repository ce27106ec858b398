package generate

import (
	"go/ast"
	"go/token"
	"strings"
)

// documentation is a doc comment as text. Go's begin with the name that they document, which features spell otherwise.
func documentation(comments *ast.CommentGroup, goName, name string) string {
	text := strings.TrimSpace(comments.Text())
	if rest, found := strings.CutPrefix(text, goName+" "); found {
		text = name + " " + rest
	}
	return text
}

func fieldDocumentation(field *ast.Field, goName, name string) string {
	if field.Doc != nil {
		return documentation(field.Doc, goName, name)
	}
	return documentation(field.Comment, goName, name)
}

// comment is the text about a parameter or result: the lines above it, or what follows it on its line. The parser
// attaches no comments to these.
func (s *source) comment(parameter *ast.Field, list *ast.FieldList) string {
	file := s.files.File(parameter.Pos())
	first, last := file.Line(parameter.Pos()), file.Line(parameter.End())
	for _, group := range s.commentsWithin(list) {
		above := file.Line(group.End()) == first-1 && follows(file, group, list) == nil
		behind := file.Line(group.Pos()) == last && follows(file, group, list) == parameter
		if above || behind {
			return strings.TrimSpace(group.Text())
		}
	}
	return ""
}

func (s *source) commentsWithin(list *ast.FieldList) []*ast.CommentGroup {
	var within []*ast.CommentGroup
	for _, parsed := range s.parsed {
		for _, group := range parsed.Comments {
			if list.Opening < group.Pos() && group.End() < list.Closing {
				within = append(within, group)
			}
		}
	}
	return within
}

// follows is the last parameter in front of a comment, on its line.
func follows(file *token.File, group *ast.CommentGroup, list *ast.FieldList) *ast.Field {
	var last *ast.Field
	for _, parameter := range list.List {
		if file.Line(parameter.End()) == file.Line(group.Pos()) && parameter.End() <= group.Pos() {
			last = parameter
		}
	}
	return last
}
