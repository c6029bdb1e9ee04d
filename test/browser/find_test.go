package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// evaluate evaluates an expression in the page.
func evaluate[T any](p *page, expression string, options ...chromedp.EvaluateOption) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
}

// jsString returns a text as a JavaScript literal.
func jsString(text string) string {
	js, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(js)
}

// element is an element of the page, as assistive technology sees it.
type element struct {
	role, name string
	node       cdp.BackendNodeID
}

// elements are the elements of the part of the page that assistive technology sees.
func (p *page) elements() ([]element, error) {
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	root, err := chromedp.Run(ctx, chromedp.Evaluate[*runtime.RemoteObject](p.root()))
	if err != nil {
		return nil, err
	}
	if root.ObjectID == "" {
		return nil, fmt.Errorf("there is no %s", p.scope)
	}
	tree, err := chromedp.Call(ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: root.ObjectID})
	if err != nil {
		return nil, err
	}
	var all []element
	for _, node := range tree.Nodes {
		if !node.Ignored && node.BackendDOMNodeID != 0 {
			all = append(all, element{textOf(node.Role), normalizeSpace(textOf(node.Name)), node.BackendDOMNodeID})
		}
	}
	return all, nil
}

func textOf(v *accessibility.Value) (text string) {
	if v != nil {
		_ = json.Unmarshal(v.Value, &text) // else it is not a text
	}
	return text
}

// findOne returns the only element with a role and name; the error lists the other names.
func (p *page) findOne(role, name string) (element, error) {
	all, err := p.elements()
	if err != nil {
		return element{}, err
	}
	var matches []element
	var otherNames []string
	for _, t := range all {
		switch {
		case t.role != role:
		case t.name == name:
			matches = append(matches, t)
		default:
			otherNames = append(otherNames, t.name)
		}
	}
	if len(matches) != 1 {
		return element{}, fmt.Errorf("%d of that name; others: %s", len(matches), strings.Join(otherNames, " · "))
	}
	return matches[0], nil
}

// field returns the only form control with a label.
func (p *page) field(label string) (element, error) {
	all, err := p.elements()
	if err != nil {
		return element{}, err
	}
	var matches []element
	var otherNames []string
	for _, t := range all {
		if t.name != label {
			otherNames = append(otherNames, t.name)
			continue
		}
		if control, err := call[bool](p, t, `function() { return this.matches?.("input, select, textarea") ?? false }`); err != nil {
			return element{}, err
		} else if control {
			matches = append(matches, t)
		}
	}
	if len(matches) != 1 {
		return element{}, fmt.Errorf("%d of that label; there are: %s", len(matches), strings.Join(otherNames, " · "))
	}
	return matches[0], nil
}

// css returns the only element of a CSS selector.
func (p *page) css(selector string) (element, error) {
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	count, err := evaluate[int](p, p.root()+`.querySelectorAll(`+jsString(selector)+`).length`)
	if err != nil {
		return element{}, err
	}
	if count != 1 {
		return element{}, fmt.Errorf("%d of that selector", count)
	}
	object, err := chromedp.Run(ctx, chromedp.Evaluate[*runtime.RemoteObject](p.root()+`.querySelector(`+jsString(selector)+`)`))
	if err != nil {
		return element{}, err
	}
	described, err := chromedp.Call(ctx, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: object.ObjectID})
	if err != nil {
		return element{}, err
	}
	return element{name: selector, node: described.Node.BackendNodeID}, nil
}

// call calls a function with an element as this.
func call[T any](p *page, t element, function string, args ...any) (result T, err error) {
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	element, err := chromedp.Call(ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: t.node})
	if err != nil {
		return result, err
	}
	return chromedp.Run(ctx, chromedp.CallFunctionOn[T](function, func(params *runtime.CallFunctionOnParams) {
		params.ObjectID = element.Object.ObjectID
	}, args...))
}
