// Package pages has what the console's pages share: the frame, forms, filters, notices, confirmation and errors. The
// pages themselves are in one package per section, like web/templates. They read requests, call the same services as
// the API, and answer HTML that works with plain links and forms.
//
// The main part of a page that shows the mirror is cached until the mirror changes. It must hold nothing that changes
// by itself, such as an age. The frame around it is written for each request.
package pages
