// Package request reads what is sent: queries, paths, headers, forms with files, JSON. What it returns
// is checked; what is wrong is told by field. The API and the console read with it.
package request
