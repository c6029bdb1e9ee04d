package browser_test

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// evaluate evaluates an expression in the page.
func evaluate[T any](p *page, expression string, options ...chromedp.EvaluateOption) (T, error) {
	return chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, options...))
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
	focused    bool
	node       cdp.BackendNodeID
}

// find returns the elements that match, in the part of the page that assistive technology sees.
func (p *page) find(matches func(e element) bool) (found []element, err error) {
	root, err := chromedp.Run(p.ctx, chromedp.Evaluate[*runtime.RemoteObject](p.root()))
	if err != nil {
		return nil, err
	}
	if root.ObjectID == "" {
		return nil, fmt.Errorf("there is no %s", p.scope)
	}
	tree, err := chromedp.Call(p.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: root.ObjectID})
	if err != nil {
		return nil, err
	}
	for _, node := range tree.Nodes {
		e := element{textOf(node.Role), normalizeSpace(textOf(node.Name)), slices.ContainsFunc(node.Properties, isFocus), node.BackendDOMNodeID}
		if !node.Ignored && e.node != 0 && matches(e) {
			found = append(found, e)
		}
	}
	return found, nil
}

func isFocus(property *accessibility.Property) bool {
	return property.Name == accessibility.PropertyNameFocused && string(property.Value.Value) == "true"
}

func textOf(v *accessibility.Value) (text string) {
	if v != nil {
		_ = json.Unmarshal(v.Value, &text) // else it is not a text
	}
	return text
}

// findOne returns the only element with a role and name; the error lists the other names.
func (p *page) findOne(role, name string) (element, error) {
	found, err := p.find(func(e element) bool { return e.role == role })
	if err != nil {
		return element{}, err
	}
	return only(found, func(e element) bool { return e.name == name })
}

// field returns the only form control with a label.
func (p *page) field(label string) (element, error) {
	found, err := p.find(func(e element) bool { return e.name == label })
	if err != nil {
		return element{}, err
	}
	return only(found, func(e element) bool {
		isControl, err := call[bool](p, e, `function() { return this.matches?.("input, select, textarea") ?? false }`)
		return isControl && err == nil
	})
}

// only returns the only element that matches.
func only(all []element, matches func(e element) bool) (element, error) {
	found := slices.DeleteFunc(slices.Clone(all), func(e element) bool { return !matches(e) })
	if len(found) != 1 {
		return element{}, fmt.Errorf("%d found among %v", len(found), all)
	}
	return found[0], nil
}

// call calls a function with an element as this.
func call[T any](p *page, e element, function string, args ...any) (result T, err error) {
	object, err := chromedp.Call(p.ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: e.node})
	if err != nil {
		return result, err
	}
	return chromedp.Run(p.ctx, chromedp.CallFunctionOn[T](function, func(params *runtime.CallFunctionOnParams) {
		params.ObjectID = object.Object.ObjectID
	}, args...))
}
