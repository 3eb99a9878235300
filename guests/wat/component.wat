;; The smallest component: it imports, exports and does nothing.
(component)
