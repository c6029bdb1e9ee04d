// Package pages are the console's pages: they read requests, call the same use cases as the API, and answer
// HTML, all of which works with plain links and forms.
//
// The main part of a page that shows the mirror is kept like the API's answers, for as long as the mirror is
// in the state that it was made from; so nothing may stand in it that changes by itself, such as how long
// ago something was. The frame around it is written for each request.
package pages
