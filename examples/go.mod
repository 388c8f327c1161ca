module github.com/firstgap/firstgap/examples

go 1.26.0

require github.com/firstgap/firstgap v0.0.0

replace github.com/firstgap/firstgap => ../
