import 'uplot/dist/uPlot.min.css';
import './style.css';
import { Page } from './page.js';

new Page().start();
