package policy

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A modeFile is a file of modes as it is written:
//
//	mode        = "async_redirect"
//	downloadURL = "https://proxy.example"
//
//	download "example.com/team/*" {
//	  mode        = "redirect"
//	  downloadURL = "https://other.example"
//	}
//
// It is decoded by hand: the package that decodes by tags brings one that compares
// values in tests into the binary.
type modeFile struct {
	top       modeBody
	downloads []modeBody
}

// A modeBody is what stands between two braces, or outside of all.
type modeBody struct {
	line      int
	globs     string // of the block
	mode, url string
}

var (
	attributes = []hcl.AttributeSchema{{Name: "mode", Required: true}, {Name: "downloadURL"}}
	fileSchema = &hcl.BodySchema{
		Attributes: attributes,
		Blocks:     []hcl.BlockHeaderSchema{{Type: "download", LabelNames: []string{"pattern"}}},
	}
	blockSchema = &hcl.BodySchema{Attributes: attributes}
)

// decode returns what a file says. Its error has the line, and no value.
func decode(name string, content []byte) (*modeFile, error) {
	parsed, diags := hclsyntax.ParseConfig(content, name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, syntaxError(name, diags)
	}
	body, diags := parsed.Body.Content(fileSchema)
	if diags.HasErrors() {
		return nil, syntaxError(name, diags)
	}
	f := new(modeFile)
	var err error
	if f.top, err = decodeBody(name, body); err != nil {
		return nil, err
	}
	for _, block := range body.Blocks {
		body, diags := block.Body.Content(blockSchema)
		if diags.HasErrors() {
			return nil, syntaxError(name, diags)
		}
		d, err := decodeBody(name, body)
		if err != nil {
			return nil, err
		}
		d.line, d.globs = block.DefRange.Start.Line, block.Labels[0]
		f.downloads = append(f.downloads, d)
	}
	return f, nil
}

func decodeBody(name string, body *hcl.BodyContent) (b modeBody, err error) {
	if b.mode, err = decodeText(name, body.Attributes["mode"]); err != nil {
		return b, err
	}
	b.url, err = decodeText(name, body.Attributes["downloadURL"])
	return b, err
}

func decodeText(name string, a *hcl.Attribute) (string, error) {
	if a == nil {
		return "", nil
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		return "", syntaxError(name, diags)
	}
	if v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return "", fmt.Errorf("%s:%d: %s: want text in quotes", name, a.Range.Start.Line, a.Name)
	}
	return v.AsString(), nil
}

// syntaxError says what is wrong first, and where.
func syntaxError(name string, diags hcl.Diagnostics) error {
	var d *hcl.Diagnostic
	if !errors.As(diags.Errs()[0], &d) {
		return fmt.Errorf("%s: not HCL", name)
	}
	if d.Subject != nil {
		name = fmt.Sprintf("%s:%d", name, d.Subject.Start.Line)
	}
	return fmt.Errorf("%s: %s: %s", name, d.Summary, d.Detail)
}
