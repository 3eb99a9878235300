#!/bin/sh
# Called in the place of bindgen, which needs libclang, by the build of wasmedge-sys and in its folder: gives it the
# bindings that it brings along. They are those of the release that it is made for, 0.17.1.
while [ "$1" != -o ]; do
    shift
done
exec cp bindings/wasmedge.rs "$2"
