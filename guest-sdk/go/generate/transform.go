package generate

import (
	"go/ast"
	"go/token"
	"strings"
)

// transform is all that the main package is written from.
type transform struct {
	packageName   string
	function      string
	name          string
	version       string
	documentation string
	columns       bool
	inputs        []value
	outputs       []value
	returned      returned
}

// value is an input or output.
type value struct {
	name          string
	documentation string
	dataType      dataType
	// field is that of the struct which is returned
	field string
}

// returned says how the function returns its outputs.
type returned struct {
	// as a struct, or as a pointer to one, which is nil where all outputs are null
	structured, pointer bool
	// followed by a bool that says whether there are any
	ok bool
	// followed by an error
	err bool
}

func (s *source) describe(function *ast.FuncDecl) (*transform, error) {
	described := &transform{packageName: s.name, function: function.Name.Name, name: snakeCase(function.Name.Name)}
	if err := s.readDirective(function, described); err != nil {
		return nil, err
	}
	if !isName(described.name) {
		return nil, s.badName(function, "a transform", described.name)
	}
	described.documentation = documentation(function.Doc, function.Name.Name, described.name)
	if err := s.readInputs(function, described); err != nil {
		return nil, err
	}
	return described, s.readOutputs(function, described)
}

// readDirective reads what follows the directive: `columns`, `name=…` and `version=…`.
func (s *source) readDirective(function *ast.FuncDecl, described *transform) error {
	for _, comment := range function.Doc.List {
		if !isDirective(comment.Text) {
			continue
		}
		for _, argument := range strings.Fields(strings.TrimPrefix(comment.Text, directive)) {
			key, text, _ := strings.Cut(argument, "=")
			switch {
			case argument == "columns":
				described.columns = true
			case key == "name" && text != "":
				described.name = text
			case key == "version" && text != "":
				described.version = text
			default:
				return s.mistake(comment, "unknown argument `%s`: there are `columns`, `name=…` and `version=…`", argument)
			}
		}
	}
	return nil
}

func (s *source) readInputs(function *ast.FuncDecl, described *transform) error {
	for _, parameter := range function.Type.Params.List {
		if _, ok := parameter.Type.(*ast.Ellipsis); ok {
			return s.mistake(parameter, "a transform takes a fixed number of inputs")
		}
		read, err := s.input(parameter.Type, described.columns)
		if err != nil {
			return err
		}
		if len(parameter.Names) == 0 {
			return s.mistake(parameter, "give the input a name: `name type`")
		}
		for _, name := range parameter.Names {
			input := value{name: snakeCase(name.Name), documentation: s.comment(parameter, function.Type.Params), dataType: read}
			if !isName(input.name) {
				return s.badName(name, "an input", input.name)
			}
			described.inputs = append(described.inputs, input)
		}
	}
	return nil
}

func (s *source) readOutputs(function *ast.FuncDecl, described *transform) error {
	var results []value
	var nodes []ast.Node
	var expressions []ast.Expr
	if function.Type.Results == nil {
		return s.mistake(function, "a transform returns its outputs: add a result, such as `float64`")
	}
	for _, result := range function.Type.Results.List {
		names := result.Names
		if names == nil {
			names = []*ast.Ident{{}}
		}
		for _, name := range names {
			results = append(results, value{name: name.Name, documentation: s.comment(result, function.Type.Results)})
			nodes, expressions = append(nodes, result), append(expressions, result.Type)
		}
	}
	last := len(results) - 1
	if isNamed(expressions[last], "error") {
		described.returned.err = true
		last--
	}
	if last >= 1 && results[last].name == "ok" && isNamed(expressions[last], "bool") && !described.columns {
		described.returned.ok = true
		last--
	}
	if last < 0 {
		return s.mistake(function, "a transform returns its outputs: add a result before the error, such as `float64`")
	}
	if last == 0 {
		if structure, pointer := s.structure(expressions[0]); structure != nil {
			described.returned.structured, described.returned.pointer = true, pointer
			return s.readFields(structure, described)
		}
	}
	for i, result := range results[:last+1] {
		if err := s.readResult(described, result, expressions[i], nodes[i], last == 0); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) readResult(described *transform, result value, written ast.Expr, node ast.Node, single bool) error {
	read, err := s.output(written, described.columns)
	if err != nil {
		return err
	}
	result.dataType = read
	switch {
	case result.name == "" && single:
		result.name = described.name
	case result.name == "" || result.name == "_":
		return s.mistake(node, "name the outputs: `(headwind, crosswind float64)`, or return a struct with a field for each")
	default:
		result.name = snakeCase(result.name)
	}
	if single && result.documentation == "" {
		summary, _, _ := strings.Cut(described.documentation, "\n\n")
		if rest, found := strings.CutPrefix(summary, described.name+" "); found {
			summary = result.name + " " + rest
		}
		result.documentation = summary
	}
	return s.addOutput(described, result, node)
}

func (s *source) readFields(structure *ast.StructType, described *transform) error {
	for _, written := range structure.Fields.List {
		read, err := s.output(written.Type, described.columns)
		if err != nil {
			return err
		}
		if len(written.Names) == 0 {
			return s.mistake(written, "an embedded struct is no output: name a field for each")
		}
		for _, name := range written.Names {
			if !name.IsExported() {
				return s.mistake(name, "field `%s` isn't exported: begin its name with a capital letter", name.Name)
			}
			output := value{name: snakeCase(name.Name), dataType: read, field: name.Name}
			output.documentation = fieldDocumentation(written, name.Name, output.name)
			if err := s.addOutput(described, output, name); err != nil {
				return err
			}
		}
	}
	if len(described.outputs) == 0 {
		return s.mistake(structure, "the struct has no field, and a transform has at least one output")
	}
	return nil
}

func (s *source) addOutput(described *transform, output value, node ast.Node) error {
	if !isName(output.name) {
		return s.badName(node, "an output", output.name)
	}
	for _, other := range described.outputs {
		if other.name == output.name {
			return s.mistake(node, "two outputs are named `%s`", output.name)
		}
	}
	returned := described.returned
	output.dataType.nullable = output.dataType.nullable || returned.ok || returned.err && !described.columns || returned.pointer
	described.outputs = append(described.outputs, output)
	return nil
}

// structure is the struct of the package that a result is of, and whether it is a pointer to it.
func (s *source) structure(expression ast.Expr) (*ast.StructType, bool) {
	pointer, isPointer := expression.(*ast.StarExpr)
	if isPointer {
		expression = pointer.X
	}
	name, ok := expression.(*ast.Ident)
	if !ok {
		return nil, false
	}
	for _, file := range s.parsed {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.TYPE {
				continue
			}
			for _, specification := range general.Specs {
				specification := specification.(*ast.TypeSpec)
				structure, ok := specification.Type.(*ast.StructType)
				if ok && specification.Name.Name == name.Name {
					return structure, isPointer
				}
			}
		}
	}
	return nil, false
}

func isNamed(expression ast.Expr, name string) bool {
	ident, ok := expression.(*ast.Ident)
	return ok && ident.Name == name
}

func (s *source) badName(node ast.Node, what, name string) error {
	return s.mistake(node, "`%s` can't be the name of %s: use letters, digits and `_`, a letter first, at most %d bytes",
		name, what, nameBytesMax)
}
