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

// evaluate is what an expression yields in the page, which may be about to go.
func evaluate[T any](p *page, expression string, options ...chromedp.EvaluateOption) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
}

// quoted is a text as JavaScript writes it.
func quoted(text string) string {
	js, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always can be
	}
	return string(js)
}

// thing is something in the page, as assistive technology is told of it.
type thing struct {
	role, name string
	node       cdp.BackendNodeID
}

// things are all that the part of the page that is looked at holds for assistive technology.
func (p *page) things() ([]thing, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
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
	var all []thing
	for _, node := range tree.Nodes {
		if !node.Ignored && node.BackendDOMNodeID != 0 {
			all = append(all, thing{inWords(node.Role), spaced(inWords(node.Name)), node.BackendDOMNodeID})
		}
	}
	return all, nil
}

func inWords(v *accessibility.Value) (text string) {
	if v != nil {
		_ = json.Unmarshal(v.Value, &text) // else it is no text
	}
	return text
}

// one is the only thing of a role and name; the error lists what there is instead.
func (p *page) one(role, name string) (thing, error) {
	all, err := p.things()
	if err != nil {
		return thing{}, err
	}
	var found []thing
	var others []string
	for _, t := range all {
		switch {
		case t.role != role:
		case t.name == name:
			found = append(found, t)
		default:
			others = append(others, t.name)
		}
	}
	if len(found) != 1 {
		return thing{}, fmt.Errorf("%d of that name; others: %s", len(found), strings.Join(others, " · "))
	}
	return found[0], nil
}

// field is the only control of a form that a label names.
func (p *page) field(label string) (thing, error) {
	all, err := p.things()
	if err != nil {
		return thing{}, err
	}
	var found []thing
	var others []string
	for _, t := range all {
		if t.name != label {
			others = append(others, t.name)
			continue
		}
		if control, err := call[bool](p, t, `function() { return this.matches?.("input, select, textarea") ?? false }`); err != nil {
			return thing{}, err
		} else if control {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return thing{}, fmt.Errorf("%d of that label; there are: %s", len(found), strings.Join(others, " · "))
	}
	return found[0], nil
}

// css is the only visible thing of a CSS selector.
func (p *page) css(selector string) (thing, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	found, err := evaluate[int](p, p.root()+`.querySelectorAll(`+quoted(selector)+`).length`)
	if err != nil {
		return thing{}, err
	}
	if found != 1 {
		return thing{}, fmt.Errorf("%d of that selector", found)
	}
	object, err := chromedp.Run(ctx, chromedp.Evaluate[*runtime.RemoteObject](p.root()+`.querySelector(`+quoted(selector)+`)`))
	if err != nil {
		return thing{}, err
	}
	described, err := chromedp.Call(ctx, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: object.ObjectID})
	if err != nil {
		return thing{}, err
	}
	return thing{name: selector, node: described.Node.BackendNodeID}, nil
}

// call calls a function with a thing's element as this.
func call[T any](p *page, t thing, function string, args ...any) (result T, err error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	element, err := chromedp.Call(ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: t.node})
	if err != nil {
		return result, err
	}
	return chromedp.Run(ctx, chromedp.CallFunctionOn[T](function, func(params *runtime.CallFunctionOnParams) {
		params.ObjectID = element.Object.ObjectID
	}, args...))
}
